#include "pod_status.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "gantry/pods.hpp"
#include "gantry/times.hpp"

namespace gantry::sim {
namespace {

constexpr uint32_t kContainerId = 16;

// As the server writes a time: what was sent and what comes back then compare equal.
k8s::io::apimachinery::pkg::apis::meta::v1::Time whole_seconds(int64_t unix_ns) {
  auto time = to_time(unix_ns);
  time.set_nanos(0);
  return time;
}

struct Verdict {
  bool yes = true;
  std::string reason, message;
};

class Builder {
 public:
  explicit Builder(const Observation& in) : in_(in), pod_(in.pod), hollow_(in.hollow), out_(in.pod.status()) {}

  corev1::PodStatus build() {
    add_containers();
    out_.set_phase(phase());
    if (hollow_.past_deadline()) {
      out_.set_reason("DeadlineExceeded");
      out_.set_message("Pod was active on the node longer than the specified deadline");
    }
    if (!out_.has_start_time()) *out_.mutable_start_time() = whole_seconds(in_.now_ns);
    if (pod_.metadata().generation() > 0) out_.set_observed_generation(pod_.metadata().generation());
    add_addresses();
    add_conditions();
    return std::move(out_);
  }

 private:
  const corev1::Container& spec_of(size_t i) const {
    const auto& spec = pod_.spec();
    const auto inits = static_cast<size_t>(spec.init_containers_size());
    return i < inits ? spec.init_containers(static_cast<int>(i)) : spec.containers(static_cast<int>(i - inits));
  }

  std::string container_id(size_t i, int32_t attempt) const {
    return "sim://" + hollow_.dice(i).digits(kContainerId, attempt, 64);
  }

  void add_containers() {
    out_.clear_init_container_statuses();
    out_.clear_container_statuses();
    const auto& all = hollow_.containers();
    for (size_t i = 0; i < all.size(); ++i) {
      auto& status = all[i].init ? *out_.add_init_container_statuses() : *out_.add_container_statuses();
      fill(i, all[i], status);
    }
  }

  void fill(size_t i, const HollowContainer& container, corev1::ContainerStatus& out) const {
    using State = HollowContainer::State;
    out.set_name(container.name);
    out.set_image(spec_of(i).image());
    out.set_image_id("");
    out.set_restart_count(container.run.attempt);
    out.set_ready(container.init && !container.sidecar ? container.over() && container.run.exit_code == 0
                                                       : container.running() && is_ready(container));
    out.set_started(container.running());
    if (container.state == State::kRunning || container.state == State::kEnded) {
      out.set_image_id(Dice(0, spec_of(i).image()).digits(kImageId, 0, 64).insert(0, "sim://sha256:"));
      out.set_container_id(container_id(i, container.run.attempt));
    }
    out.mutable_last_state();  // the server has it always, empty or not
    if (container.last) set_terminated(i, *container.last, *out.mutable_last_state()->mutable_terminated());
    auto& state = *out.mutable_state();
    if (container.running()) {
      *state.mutable_running()->mutable_started_at() = whole_seconds(container.run.started);
    } else if (container.backing_off) {
      set_back_off(container, *state.mutable_waiting());
      set_terminated(i, container.run, *out.mutable_last_state()->mutable_terminated());
    } else if (container.ended()) {
      set_terminated(i, container.run, *state.mutable_terminated());
    } else {
      const bool first_turn = container.state == State::kCreating || pod_.spec().init_containers_size() == 0;
      state.mutable_waiting()->set_reason(first_turn ? "ContainerCreating" : "PodInitializing");
    }
  }

  bool is_ready(const HollowContainer& container) const {
    return in_.ready && container.ready_at <= in_.now_ns && !hollow_.over();
  }

  void set_terminated(size_t i, const HollowContainer::Run& run, corev1::ContainerStateTerminated& out) const {
    out.set_exit_code(run.exit_code);
    out.set_reason(run.exit_code == 0 ? "Completed" : "Error");
    *out.mutable_started_at() = whole_seconds(run.started);
    *out.mutable_finished_at() = whole_seconds(run.ended);
    out.set_container_id(container_id(i, run.attempt));
  }

  void set_back_off(const HollowContainer& container, corev1::ContainerStateWaiting& out) const {
    const int64_t seconds = container.backoff / kSecond;
    const std::string span = seconds < 60     ? std::to_string(seconds) + "s"
                             : seconds < 3600 ? std::to_string(seconds / 60) + "m" + std::to_string(seconds % 60) + "s"
                                              : std::to_string(seconds / 3600) + "h";
    const auto& meta = pod_.metadata();
    out.set_reason("CrashLoopBackOff");
    out.set_message("back-off " + span + " restarting failed container=" + container.name + " pod=" + meta.name() +
                    "_" + meta.namespace_() + "(" + meta.uid() + ")");
  }

  std::string phase() const {
    int running = 0, waiting = 0, failed = 0, ended = 0, init_failed = 0;
    for (const auto& container : hollow_.containers()) {
      if (container.init) {
        init_failed += !container.sidecar && container.over() && container.run.exit_code != 0;
      } else if (container.running()) {
        ++running;
      } else if (container.ended()) {
        ++ended;
        failed += container.run.exit_code != 0;
      } else {
        ++waiting;
      }
    }
    if (hollow_.over()) {
      if (sdk::is_finished(pod_)) return pod_.status().phase();
      return failed > 0 || init_failed > 0 || waiting > 0 || hollow_.past_deadline() ? "Failed" : "Succeeded";
    }
    // What has ended and is begun again counts as running: so does a kubelet.
    return waiting == 0 && running + ended > 0 ? "Running" : "Pending";
  }

  void add_addresses() {
    out_.set_host_ip(in_.host_ip);
    out_.clear_host_ips();
    out_.add_host_ips()->set_ip(in_.host_ip);
    if (in_.pod_ip.empty()) return;
    out_.set_pod_ip(in_.pod_ip);
    out_.clear_pod_ips();
    out_.add_pod_ips()->set_ip(in_.pod_ip);
  }

  void add_conditions() {
    const auto containers = containers_ready();
    set("PodReadyToStartContainers", {!hollow_.over() && !in_.pod_ip.empty(), "", ""});
    set("Initialized", initialized());
    set("Ready", pod_ready(containers));
    set("ContainersReady", containers);
    set("PodScheduled", {});
  }

  void set(std::string_view type, const Verdict& verdict) {
    corev1::PodCondition* condition = nullptr;
    for (auto& known : *out_.mutable_conditions()) {
      if (known.type() == type) condition = &known;
    }
    if (condition == nullptr) {
      condition = out_.add_conditions();
      condition->set_type(std::string(type));
    }
    const char* status = verdict.yes ? "True" : "False";
    if (condition->status() != status || !condition->has_last_transition_time()) {
      *condition->mutable_last_transition_time() = whole_seconds(in_.now_ns);
    }
    condition->set_status(status);
    if (verdict.reason.empty())
      condition->clear_reason();
    else
      condition->set_reason(verdict.reason);
    if (verdict.message.empty())
      condition->clear_message();
    else
      condition->set_message(verdict.message);
    if (pod_.metadata().generation() > 0) condition->set_observed_generation(pod_.metadata().generation());
  }

  Verdict initialized() const {
    if (out_.phase() == "Succeeded") return {true, "PodCompleted", ""};
    std::string names;
    for (const auto& container : hollow_.containers()) {
      const bool done = container.sidecar ? container.running() : container.over() && container.run.exit_code == 0;
      if (container.init && !done) names += (names.empty() ? "" : " ") + container.name;
    }
    if (names.empty() || hollow_.initialized()) return {};
    return {false, "ContainersNotInitialized", "containers with incomplete status: [" + names + "]"};
  }

  Verdict containers_ready() const {
    if (out_.phase() == "Succeeded") return {false, "PodCompleted", ""};
    if (out_.phase() == "Failed") return {false, "PodFailed", ""};
    std::string names;
    for (const auto& container : hollow_.containers()) {
      const bool counts = !container.init || container.sidecar;
      if (counts && !(container.running() && is_ready(container))) names += (names.empty() ? "" : " ") + container.name;
    }
    if (names.empty()) return {};
    return {false, "ContainersNotReady", "containers with unready status: [" + names + "]"};
  }

  Verdict pod_ready(const Verdict& containers) const {
    if (!containers.yes) return containers;
    std::string missing;
    for (const auto& gate : pod_.spec().readiness_gates()) {
      const auto* condition = sdk::pod_condition(pod_, gate.condition_type());
      if (condition != nullptr && condition->status() == "True") continue;
      if (!missing.empty()) missing += ", ";
      missing += condition == nullptr
                     ? "corresponding condition of pod readiness gate \"" + gate.condition_type() + "\" does not exist."
                     : "the status of pod readiness gate \"" + gate.condition_type() + "\" is not \"True\", but " +
                           condition->status();
    }
    if (missing.empty()) return {};
    return {false, "ReadinessGatesNotReady", missing};
  }

  const Observation& in_;
  const corev1::Pod& pod_;
  const HollowPod& hollow_;
  corev1::PodStatus out_;
};

std::string deterministic(const corev1::PodStatus& status) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    status.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace

corev1::PodStatus build_status(const Observation& observation) { return Builder(observation).build(); }

bool same_status(const corev1::PodStatus& a, const corev1::PodStatus& b) {
  return deterministic(a) == deterministic(b);
}

}  // namespace gantry::sim
