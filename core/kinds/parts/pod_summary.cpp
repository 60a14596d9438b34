// The pod's row: the words kubectl shows for what a pod is doing, from its phase, conditions and containers.
// Pure, any thread.
#include "core/kinds/parts/pod_summary.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <optional>

#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

bool flag_at(const Json& value, std::string_view path) {
  const Json* found = at(value, path);
  return found != nullptr && found->is_bool() && found->get_bool();
}

bool condition_is(const Json& pod, std::string_view type, std::string_view member, std::string_view wanted) {
  const JsonArray* conditions = list_at(pod, "status.conditions");
  if (conditions == nullptr) return false;
  for (const Json& condition : *conditions) {
    if (text_at(condition, "type") == type && text_at(condition, member) == wanted) return true;
  }
  return false;
}

// Restarts counted, and when the last one's container had ended.
struct Restarts {
  int64_t count = 0;
  std::string_view last;  // RFC 3339 in UTC, so that text compares as time

  void add(const Json& container) {
    count += number_at(container, "restartCount");
    std::string_view ended = text_at(container, "lastState.terminated.finishedAt");
    if (ended > last) last = ended;
  }
};

std::string terminated_reason(const Json& terminated) {
  std::string_view reason = text_at(terminated, "reason");
  if (!reason.empty()) return std::string(reason);
  if (int64_t signal = number_at(terminated, "signal"); signal != 0) {
    return "Signal:" + std::to_string(signal);
  }
  return "ExitCode:" + std::to_string(number_at(terminated, "exitCode"));
}

class Summary {
 public:
  Summary(const Json& pod, int64_t now_ns) : pod_(pod), now_ns_(now_ns) {}

  PodSummary run() {
    if (const JsonArray* containers = list_at(pod_, "spec.containers")) total_ = containers->size();
    init_ = list_at(pod_, "spec.initContainers");
    if (init_ != nullptr) {
      for (const Json& container : *init_) {
        sidecars_.emplace(text_at(container, "name"), sidecar(container));
        total_ += sidecar(container) ? 1 : 0;
      }
    }
    std::string_view phase = text_at(pod_, "status.phase");
    std::string_view pod_reason = text_at(pod_, "status.reason");
    reason_ = pod_reason.empty() ? phase : pod_reason;
    if (condition_is(pod_, "PodScheduled", "reason", "SchedulingGated")) {
      reason_ = "SchedulingGated";
    }
    bool initializing = init_containers();
    if (!initializing || condition_is(pod_, "Initialized", "status", "True")) main_containers();
    if (at(pod_, "metadata.deletionTimestamp") != nullptr) {
      bool ended = phase == "Succeeded" || phase == "Failed";
      if (pod_reason == "NodeLost") {
        reason_ = "Unknown";
      } else if (!ended) {
        reason_ = "Terminating";
      }
    }
    return {std::to_string(ready_) + "/" + std::to_string(total_), reason_, restarts_text()};
  }

 private:
  static bool sidecar(const Json& container) { return text_at(container, "restartPolicy") == "Always"; }

  bool sidecar_named(std::string_view name) const {
    const auto found = sidecars_.find(name);
    return found != sidecars_.end() && found->second;
  }

  // True while one of them still has to finish (or failed).
  bool init_containers() {
    const JsonArray* statuses = list_at(pod_, "status.initContainerStatuses");
    if (statuses == nullptr) return false;
    for (size_t i = 0; i < statuses->size(); ++i) {
      const Json& status = (*statuses)[i];
      bool is_sidecar = sidecar_named(text_at(status, "name"));
      restarts_.add(status);
      if (is_sidecar) sidecar_restarts_.add(status);
      const Json* terminated = at(status, "state.terminated");
      if (terminated != nullptr && number_at(*terminated, "exitCode") == 0) continue;
      if (is_sidecar && flag_at(status, "started")) {
        ready_ += flag_at(status, "ready") ? 1 : 0;
        continue;
      }
      std::string_view waiting = text_at(status, "state.waiting.reason");
      if (terminated != nullptr) {
        reason_ = "Init:" + terminated_reason(*terminated);
      } else if (!waiting.empty() && waiting != "PodInitializing") {
        reason_ = "Init:" + std::string(waiting);
      } else {
        reason_ = "Init:" + std::to_string(i) + "/" + std::to_string(init_ == nullptr ? 0 : init_->size());
      }
      return true;
    }
    return false;
  }

  void main_containers() {
    restarts_ = sidecar_restarts_;
    const JsonArray* statuses = list_at(pod_, "status.containerStatuses");
    if (statuses == nullptr) return;
    bool running = false;
    for (size_t i = statuses->size(); i-- > 0;) {
      const Json& status = (*statuses)[i];
      restarts_.add(status);
      const Json* terminated = at(status, "state.terminated");
      std::string_view waiting = text_at(status, "state.waiting.reason");
      if (!waiting.empty()) {
        reason_ = waiting;
      } else if (terminated != nullptr) {
        reason_ = terminated_reason(*terminated);
      } else if (flag_at(status, "ready") && at(status, "state.running") != nullptr) {
        running = true;
        ++ready_;
      }
    }
    // One container that ended well does not make a pod with running ones complete.
    if (reason_ == "Completed" && running) {
      reason_ = condition_is(pod_, "Ready", "status", "True") ? "Running" : "NotReady";
    }
  }

  std::string restarts_text() const {
    std::string text = std::to_string(restarts_.count);
    if (restarts_.count == 0 || restarts_.last.empty()) return text;
    auto ended = schema::parse_time(restarts_.last);
    if (!ended) return text;
    return text + " (" + schema::human_duration((now_ns_ - *ended) / 1'000'000'000) + " ago)";
  }

  const Json& pod_;
  int64_t now_ns_;
  const JsonArray* init_ = nullptr;
  std::map<std::string_view, bool> sidecars_;  // init containers by name, of equal ones the first
  size_t total_ = 0;
  size_t ready_ = 0;
  std::string reason_;
  Restarts restarts_;
  Restarts sidecar_restarts_;
};

}  // namespace

PodSummary summarize_pod(const Json& pod, int64_t now_ns) { return Summary(pod, now_ns).run(); }

}  // namespace gantry::kinds
