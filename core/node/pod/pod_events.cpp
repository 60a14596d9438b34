#include "core/node/pod/pod_events.hpp"

#include <string>

namespace gantry::node {

void PodEvents::write(const corev1::Pod& pod, std::string_view container, std::string_view type,
                      std::string_view reason, std::string_view message) const {
  if (!record_) return;
  corev1::ObjectReference regarding;
  regarding.set_kind("Pod");
  regarding.set_api_version("v1");
  regarding.set_namespace_(pod.metadata().namespace_());
  regarding.set_name(pod.metadata().name());
  regarding.set_uid(pod.metadata().uid());
  regarding.set_resource_version(pod.metadata().resource_version());
  if (!container.empty()) {
    bool init = false;
    for (const auto& candidate : pod.spec().init_containers()) init = init || candidate.name() == container;
    regarding.set_field_path((init ? "spec.initContainers{" : "spec.containers{") + std::string(container) + "}");
  }
  record_(regarding.SerializeAsString(), type, reason, message);
}

void PodEvents::normal(const corev1::Pod& pod, std::string_view reason, std::string_view message) const {
  write(pod, {}, "Normal", reason, message);
}
void PodEvents::warning(const corev1::Pod& pod, std::string_view reason, std::string_view message) const {
  write(pod, {}, "Warning", reason, message);
}
void PodEvents::container_normal(const corev1::Pod& pod, std::string_view container, std::string_view reason,
                                 std::string_view message) const {
  write(pod, container, "Normal", reason, message);
}
void PodEvents::container_warning(const corev1::Pod& pod, std::string_view container, std::string_view reason,
                                  std::string_view message) const {
  write(pod, container, "Warning", reason, message);
}

}  // namespace gantry::node
