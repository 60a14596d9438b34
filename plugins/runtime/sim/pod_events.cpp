#include "pod_events.hpp"

namespace gantry::sim {
namespace {

std::string image_of(const corev1::Pod& pod, const HollowContainer& container) {
  for (const auto& one : container.init ? pod.spec().init_containers() : pod.spec().containers()) {
    if (one.name() == container.name) return one.image();
  }
  return {};
}

}  // namespace

void record_events(const sdk::Host& host, const corev1::Pod& pod, const std::vector<HollowContainer>& before,
                   const HollowPod& now) {
  const auto say = [&](std::string_view type, std::string_view reason, const std::string& message) {
    host.event(pod, "v1", "Pod", type, reason, message);
  };
  for (size_t i = 0; i < before.size(); ++i) {
    const auto& old = before[i];
    const auto& container = now.containers()[i];
    const bool began = container.run.started != 0 &&
                       (container.run.started != old.run.started || container.run.attempt != old.run.attempt);
    if (began) {
      say("Normal", "Pulled", "Container image \"" + image_of(pod, container) + "\" already present on machine");
      say("Normal", "Created", "Container created");
      say("Normal", "Started", "Container started");
    }
    if (container.backing_off && !old.backing_off) {
      say("Warning", "BackOff",
          "Back-off restarting failed container " + container.name + " in pod " + pod.metadata().name() + "_" +
              pod.metadata().namespace_() + "(" + pod.metadata().uid() + ")");
    }
    if (old.running() && container.ended() && pod.metadata().has_deletion_timestamp()) {
      say("Normal", "Killing", "Stopping container " + container.name);
    }
  }
}

}  // namespace gantry::sim
