// For the tests of sim: pods, and a scripted host that also answers asynchronous calls.
#pragma once

#include <string>

#include "hollow_pod.hpp"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::sim::testing {

inline constexpr int64_t kNow = 1'700'000'000 * kSecond;

inline corev1::Pod make_pod(const std::string& restart_policy = "Always", int containers = 1, int inits = 0) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_name("web");
  pod.mutable_metadata()->set_uid("uid-1");
  pod.mutable_metadata()->set_resource_version("10");
  auto& spec = *pod.mutable_spec();
  spec.set_node_name("sim-0000");
  spec.set_restart_policy(restart_policy);
  const auto fill = [](corev1::Container& container, const std::string& name) {
    container.set_name(name);
    container.set_image("nginx:1");
  };
  for (int i = 0; i < inits; ++i) fill(*spec.add_init_containers(), "init" + std::to_string(i));
  for (int i = 0; i < containers; ++i) fill(*spec.add_containers(), "main" + std::to_string(i));
  pod.mutable_status()->set_phase("Pending");
  return pod;
}

inline void annotate(corev1::Pod& pod, const std::string& key, const std::string& value) {
  (*pod.mutable_metadata()->mutable_annotations())["sim.gantry.dev/" + key] = value;
}

inline void mark_deleted(corev1::Pod& pod, int64_t grace_seconds) {
  pod.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  pod.mutable_metadata()->set_deletion_grace_period_seconds(grace_seconds);
}

// Answers a call_async at once with what `api` says of the request. No key is configured.
class Host : public testkit::ScriptedHost {
 public:
  std::string data_dir;  // empty: none

  Host() {
    inherited() = host.get_interface;
    host.get_interface = &find;
  }

 private:
  using Find = const void* (*)(const gantry_host*, const char*);
  static Find& inherited() {
    static Find original = nullptr;
    return original;
  }
  static void call_async(const gantry_host* raw, gantry_slice request, gantry_call_done done, void* context) {
    const auto* base = static_cast<const gantry_client*>(inherited()(raw, GANTRY_CLIENT_ID));
    Buffer response, error;
    const auto code = base->call(raw, request, response.out(), error.out());
    done(context, code, to_slice(response.view()), to_slice(error.view()));
  }
  static gantry_code get_daemon(const gantry_host* raw, gantry_slice key, gantry_buffer* value, gantry_buffer*) {
    const auto& dir = static_cast<Host*>(static_cast<ScriptedHost*>(raw->context))->data_dir;
    if (to_view(key) != "data_dir" || dir.empty()) return 404;
    fill_buffer(value, dir);
    return 0;
  }
  static const void* find(const gantry_host* raw, const char* id) {
    static constexpr gantry_config config = {
        sizeof(gantry_config),
        [](const gantry_host*, gantry_slice, gantry_buffer*, gantry_buffer*) -> gantry_code { return 404; },
        [](const gantry_host*, gantry_slice, int64_t*, gantry_buffer*) -> gantry_code { return 404; },
        [](const gantry_host*, gantry_slice, int32_t*, gantry_buffer*) -> gantry_code { return 404; },
        [](const gantry_host*, gantry_slice, gantry_buffer*, gantry_buffer*) -> gantry_code { return 404; },
        &get_daemon};
    if (std::string_view(id) == GANTRY_CONFIG_ID) return &config;
    if (std::string_view(id) != GANTRY_CLIENT_ID) return inherited()(raw, id);
    static gantry_client table = *static_cast<const gantry_client*>(inherited()(raw, id));
    table.call_async = &call_async;
    return &table;
  }
};

}  // namespace gantry::sim::testing
