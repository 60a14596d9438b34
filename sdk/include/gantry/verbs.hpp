// Tables whose functions take one message and answer with another (gantry.runtime/1, gantry.network/1,
// gantry.overlay/1), made from the members of a class:
//   Expected<Response> member(const Request&);   or   Status member(const Request&);
// `Self` finds the object in the instance: T& (*)(void*), or Expected<T*> (*)(void*) where one must first be ready.
// No exception leaves a function. Threads: see the abi/ header of the table.
#pragma once

#include "gantry/abi/draft/overlay.h"
#include "gantry/abi/network.h"
#include "gantry/abi/runtime.h"
#include "gantry/bytes.hpp"
#include "gantry/plugin.hpp"
#include "gantry/status.hpp"

namespace gantry::sdk {
namespace verbs {

template <typename T, typename Answer, typename Request>
gantry_code call(T& self, Answer (T::*member)(const Request&), gantry_slice request, gantry_buffer* response,
                 gantry_buffer* error) {
  Request message;
  if (!message.ParseFromArray(request.data, static_cast<int>(request.size))) {
    return fail(Status::bad_request("the request could not be decoded"), error);
  }
  const auto answer = (self.*member)(message);
  if constexpr (std::is_same_v<Answer, Status>) {
    return fail(answer, error);
  } else {
    if (!answer) return fail(answer.error(), error);
    fill_buffer(response, answer->SerializeAsString());
    return 0;
  }
}

}  // namespace verbs

// The instance is the object.
template <typename T>
T& same(void* instance) {
  return *static_cast<T*>(instance);
}

template <auto Member, auto Self>
gantry_code verb(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return guard(error, [&]() -> gantry_code {
    if constexpr (std::is_reference_v<decltype(Self(instance))>) {
      return verbs::call(Self(instance), Member, request, response, error);
    } else {
      const auto self = Self(instance);
      if (!self) return fail(self.error(), error);
      return verbs::call(**self, Member, request, response, error);
    }
  });
}

// CRI's verbs, and signal_container where the class has it; import_image, the execs and the event sink are the plugin's
// own to add.
template <typename T, auto Self = &same<T>>
constexpr gantry_runtime runtime_verbs() {
  gantry_runtime table{};
  table.size = sizeof(table);
  table.version = &verb<&T::version, Self>;
  table.status = &verb<&T::status, Self>;
  table.run_pod_sandbox = &verb<&T::run_pod_sandbox, Self>;
  table.stop_pod_sandbox = &verb<&T::stop_pod_sandbox, Self>;
  table.remove_pod_sandbox = &verb<&T::remove_pod_sandbox, Self>;
  table.pod_sandbox_status = &verb<&T::pod_sandbox_status, Self>;
  table.list_pod_sandbox = &verb<&T::list_pod_sandbox, Self>;
  table.create_container = &verb<&T::create_container, Self>;
  table.start_container = &verb<&T::start_container, Self>;
  table.stop_container = &verb<&T::stop_container, Self>;
  table.remove_container = &verb<&T::remove_container, Self>;
  table.list_containers = &verb<&T::list_containers, Self>;
  table.container_status = &verb<&T::container_status, Self>;
  table.update_container_resources = &verb<&T::update_container_resources, Self>;
  table.exec_sync = &verb<&T::exec_sync, Self>;
  table.list_images = &verb<&T::list_images, Self>;
  table.image_status = &verb<&T::image_status, Self>;
  table.pull_image = &verb<&T::pull_image, Self>;
  table.remove_image = &verb<&T::remove_image, Self>;
  table.list_container_stats = &verb<&T::list_container_stats, Self>;
  if constexpr (requires { &T::signal_container; }) table.signal_container = &verb<&T::signal_container, Self>;
  return table;
}

template <typename T, auto Self = &same<T>>
constexpr gantry_network network_verbs() {
  gantry_network table{};
  table.size = sizeof(table);
  table.set_node = &verb<&T::set_node, Self>;
  table.set_nodes = &verb<&T::set_nodes, Self>;
  table.add = &verb<&T::add, Self>;
  table.del = &verb<&T::del, Self>;
  table.check = &verb<&T::check, Self>;
  table.gc = &verb<&T::gc, Self>;
  return table;
}

template <typename T, auto Self = &same<T>>
constexpr gantry_overlay overlay_verbs() {
  gantry_overlay table{};
  table.size = sizeof(table);
  table.set_node = &verb<&T::set_node, Self>;
  table.set_nodes = &verb<&T::set_nodes, Self>;
  return table;
}

}  // namespace gantry::sdk
