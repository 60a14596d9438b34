// Starts one container: name, back-off, image, configuration, creation, start; with the kubelet's events and reasons.
// Its postStart hook is the pod's to run. [worker]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/node/node_parts.hpp"
#include "core/node/pod/plan.hpp"
#include "core/node/pod/pod_view.hpp"
#include "core/node/pod/status_builder.hpp"

namespace gantry::node {

class ContainerStarter {
 public:
  struct Job {
    std::shared_ptr<const corev1::Pod> pod;
    const PodView* view = nullptr;
    std::string sandbox_id;
    const cri::PodSandboxConfig* sandbox = nullptr;
    std::vector<std::string> pod_ips;
  };
  // Why it does not run, and when to try again.
  struct Failure {
    WaitingReason waiting;
    int64_t retry_ms = 0;    // 0: the usual back-off of failed syncs
    bool under_way = false;  // no failure: its image is being pulled, and the pod is woken when that is over
  };
  ContainerStarter(NodeParts& parts, const Job& job) : parts_(parts), job_(job), pod_(*job.pod) {}

  // Nothing: it has been started, as `started()`.
  std::optional<Failure> start(const ContainerStart& what);
  const std::string& started() const { return started_; }

 private:
  bool is_pulling(const corev1::Container& container) const;
  std::optional<Failure> wait_for_backoff(const corev1::Container& container);
  Expected<cri::Image> ensure_image(const corev1::Container& container, std::optional<Failure>& failure);
  Expected<cri::Image> pull(const corev1::Container& container, std::optional<Failure>& failure);
  Expected<cri::Image> pulled(const corev1::Container& container, const LastingCalls::Done& done,
                              std::optional<Failure>& failure);
  Expected<cri::CreateContainerRequest> request_for(const ContainerStart& what, const cri::Image& image);
  std::optional<Failure> launch(const ContainerStart& what, const cri::CreateContainerRequest& request);
  Failure fail(const corev1::Container& container, const std::string& reason, const std::string& message) const;

  NodeParts& parts_;
  const Job& job_;
  const corev1::Pod& pod_;
  std::string started_;
};

std::string backoff_key(const corev1::Pod& pod, const corev1::Container& container);

}  // namespace gantry::node
