#include "core/node/pod/pod_view.hpp"

#include <algorithm>
#include <tuple>

namespace gantry::node {

const cri::PodSandbox* PodView::ready_sandbox() const {
  if (sandboxes.empty() || sandboxes.front().state() != cri::SANDBOX_READY) return nullptr;
  return &sandboxes.front();
}

const Instance* PodView::latest(std::string_view container, std::string_view sandbox_id) const {
  for (const auto& instance : containers) {
    if (instance.name() != container) continue;
    if (sandbox_id.empty() || instance.sandbox_id == sandbox_id) return &instance;
  }
  return nullptr;
}

const Instance* PodView::by_id(std::string_view id) const {
  for (const auto& instance : containers) {
    if (instance.id() == id) return &instance;
  }
  return nullptr;
}

bool PodView::any_running() const {
  return std::any_of(containers.begin(), containers.end(), [](const Instance& instance) {
    return instance.running() || instance.status.state() == cri::CONTAINER_UNKNOWN;
  });
}

Expected<PodView> read_pod(const RuntimeClient& runtime, const std::string& pod_uid) {
  PodView view;
  auto sandboxes = runtime.list_pod_sandbox(pod_uid);
  if (!sandboxes) return std::move(sandboxes).error();
  view.sandboxes = std::move(*sandboxes);
  std::sort(view.sandboxes.begin(), view.sandboxes.end(), [](const auto& a, const auto& b) {
    return std::make_tuple(a.metadata().attempt(), a.created_at()) >
           std::make_tuple(b.metadata().attempt(), b.created_at());
  });
  auto containers = runtime.list_containers(pod_uid);
  if (!containers) return std::move(containers).error();
  for (const auto& container : *containers) {
    auto status = runtime.container_status(container.id());
    if (!status) {
      if (status.error().code() == 404) continue;  // removed since it was listed
      return std::move(status).error();
    }
    view.containers.push_back({std::move(*status), container.pod_sandbox_id()});
  }
  std::sort(view.containers.begin(), view.containers.end(), [](const auto& a, const auto& b) {
    return std::make_tuple(a.status.metadata().attempt(), a.status.created_at()) >
           std::make_tuple(b.status.metadata().attempt(), b.status.created_at());
  });
  return view;
}

}  // namespace gantry::node
