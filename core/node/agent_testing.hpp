// For tests only: pods and runtime states in few words.
#pragma once

#include <string>
#include <vector>

#include "core/node/pod/pod_view.hpp"

namespace gantry::node::testing {

inline corev1::Container make_container(const std::string& name, const std::string& image = "busybox:1") {
  corev1::Container container;
  container.set_name(name);
  container.set_image(image);
  container.set_image_pull_policy("IfNotPresent");
  container.set_termination_message_path("/dev/termination-log");
  container.set_termination_message_policy("File");
  return container;
}

inline corev1::Pod make_pod(const std::string& name, const std::vector<std::string>& containers = {"c"}) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid("uid-" + name);
  pod.mutable_metadata()->set_generation(1);
  pod.mutable_spec()->set_restart_policy("Always");
  pod.mutable_spec()->set_termination_grace_period_seconds(30);
  for (const auto& container : containers) *pod.mutable_spec()->add_containers() = make_container(container);
  return pod;
}

inline corev1::Container& add_init(corev1::Pod& pod, const std::string& name, bool sidecar = false) {
  auto& container = *pod.mutable_spec()->add_init_containers();
  container = make_container(name);
  if (sidecar) container.set_restart_policy("Always");
  return container;
}

inline void set_amounts(google::protobuf::Map<std::string, k8s::io::apimachinery::pkg::api::resource::Quantity>& map,
                        const std::string& cpu, const std::string& memory) {
  if (!cpu.empty()) map["cpu"].set_string(cpu);
  if (!memory.empty()) map["memory"].set_string(memory);
}

// A view under construction: newest first, as read_pod gives it.
struct ViewMaker {
  PodView view;

  ViewMaker& sandbox(const std::string& id, bool ready = true, uint32_t attempt = 0) {
    cri::PodSandbox sandbox;
    sandbox.set_id(id);
    sandbox.mutable_metadata()->set_attempt(attempt);
    sandbox.set_state(ready ? cri::SANDBOX_READY : cri::SANDBOX_NOTREADY);
    view.sandboxes.insert(view.sandboxes.begin(), sandbox);
    return *this;
  }
  ViewMaker& instance(const corev1::Container& container, cri::ContainerState state, int exit_code = 0,
                      int restarts = 0) {
    Instance instance;
    instance.sandbox_id = view.sandboxes.empty() ? "s" : view.sandboxes.front().id();
    auto& status = instance.status;
    status.set_id(container.name() + "-" + std::to_string(restarts));
    status.mutable_metadata()->set_name(container.name());
    status.mutable_metadata()->set_attempt(static_cast<uint32_t>(restarts));
    status.set_state(state);
    status.set_exit_code(exit_code);
    status.set_started_at(1'000'000'000'000);
    if (state == cri::CONTAINER_EXITED) status.set_finished_at(1'001'000'000'000);
    status.set_image_ref("sha256:abc");
    (*status.mutable_annotations())[labels::kHash] = container_hash(container);
    (*status.mutable_annotations())[labels::kRestartCount] = std::to_string(restarts);
    view.containers.insert(view.containers.begin(), instance);
    return *this;
  }
  ViewMaker& running(const corev1::Container& container, int restarts = 0) {
    return instance(container, cri::CONTAINER_RUNNING, 0, restarts);
  }
  ViewMaker& exited(const corev1::Container& container, int code, int restarts = 0) {
    return instance(container, cri::CONTAINER_EXITED, code, restarts);
  }
};

}  // namespace gantry::node::testing
