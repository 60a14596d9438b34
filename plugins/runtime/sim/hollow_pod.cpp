#include "hollow_pod.hpp"

#include <algorithm>

#include "gantry/pods.hpp"
#include "gantry/times.hpp"

namespace gantry::sim {
namespace {

enum Question : uint32_t { kPull = 1, kStart, kReady, kStop, kFail };
constexpr int32_t kPodTerminated = 143, kKilled = 137;  // 128 and the signal

// `usual`, more or less by at most the share `jitter`.
int64_t vary(const Dice& dice, Question question, int64_t attempt, int64_t usual, double jitter) {
  if (jitter == 0 || usual == 0) return usual;
  const double turn = 2 * dice.roll(question, attempt) - 1;
  return static_cast<int64_t>(static_cast<double>(usual) * (1 + jitter * turn));
}

}  // namespace

HollowPod::HollowPod(const corev1::Pod& pod, const Behaviour& behaviour, int64_t seed, int64_t now) : accepted_(now) {
  read_containers(pod);
  const std::string subject = pod.metadata().namespace_() + "/" + pod.metadata().name() + "/";
  for (const auto& container : containers_) dice_.emplace_back(seed, subject + container.name);
  const auto& status = pod.status();
  if (status.has_start_time()) accepted_ = to_ns(status.start_time());
  const auto& spec = pod.spec();
  if (spec.has_active_deadline_seconds()) deadline_ = accepted_ + spec.active_deadline_seconds() * kSecond;
  if (sdk::is_finished(pod)) over_ = true;
  if (status.container_statuses_size() > 0) restore(pod, behaviour, now);
}

void HollowPod::read_containers(const corev1::Pod& pod) {
  const auto& spec = pod.spec();
  const std::string policy = spec.restart_policy().empty() ? "Always" : spec.restart_policy();
  for (const auto& from : spec.init_containers()) {
    auto& made = containers_.emplace_back();
    made.name = from.name();
    made.init = true;
    made.sidecar = from.restart_policy() == "Always";
    // An init container that has done its part is not begun again.
    made.policy = made.sidecar ? "Always" : policy == "Never" ? "Never" : "OnFailure";
  }
  for (const auto& from : spec.containers()) {
    auto& made = containers_.emplace_back();
    made.name = from.name();
    made.policy = from.restart_policy().empty() ? policy : from.restart_policy();
  }
}

// Times of the status are whole seconds; a latency that was under way begins anew.
void HollowPod::restore(const corev1::Pod& pod, const Behaviour& behaviour, int64_t now) {
  for (size_t i = 0; i < containers_.size(); ++i) {
    const auto& statuses =
        containers_[i].init ? pod.status().init_container_statuses() : pod.status().container_statuses();
    for (const auto& status : statuses) {
      if (status.name() == containers_[i].name) restore_container(i, status, behaviour, now);
    }
  }
  initialized_ = std::any_of(containers_.begin(), containers_.end(), [](const HollowContainer& container) {
    return !container.init && container.state != HollowContainer::State::kIdle;
  });
}

void HollowPod::restore_container(size_t at, const corev1::ContainerStatus& status, const Behaviour& behaviour,
                                  int64_t now) {
  auto& container = containers_[at];
  const auto read = [&](const corev1::ContainerStateTerminated& from, int32_t attempt) {
    return HollowContainer::Run{to_ns(from.started_at()), to_ns(from.finished_at()), from.exit_code(), attempt};
  };
  const bool back_off = status.state().waiting().reason() == "CrashLoopBackOff";
  if (status.last_state().has_terminated()) {
    container.last = read(status.last_state().terminated(), std::max(0, status.restart_count() - 1));
  }
  for (int32_t n = 0; n < status.restart_count() && container.backoff < behaviour.timing.backoff_most; ++n) {
    container.backoff =
        std::min(behaviour.timing.backoff_most, std::max(behaviour.timing.backoff_first, 2 * container.backoff));
  }
  container.run.attempt = status.restart_count();
  if (status.state().has_running()) {
    container.state = HollowContainer::State::kRunning;
    container.run.started = to_ns(status.state().running().started_at());
    plan(at, behaviour);
    if (status.ready()) container.ready_at = container.run.started;
    container.backoff_set = container.run.started;
  } else if (status.state().has_terminated() || (back_off && container.last)) {
    container.run = back_off ? *container.last : read(status.state().terminated(), status.restart_count());
    container.run.attempt = status.restart_count();
    if (back_off) container.last.reset();
    container.backoff_set = container.run.started;
    end(at, behaviour, now);
  } else if (!over_ && status.state().waiting().reason() == "ContainerCreating") {
    create(at, behaviour, now);
  }
}

void HollowPod::advance(const corev1::Pod& pod, const Behaviour& behaviour, int64_t now) {
  advanced_ = now;
  completes_ = behaviour.run_for >= 0 || (pod.spec().has_restart_policy() && pod.spec().restart_policy() != "Always");
  // Who says in the API that it is over is believed, as a kubelet does.
  if (!over_ && sdk::is_finished(pod)) finish(now, false);
  see_deadline(pod, now);
  see_deletion(pod, behaviour, now);
  while (!over_ && step(behaviour, now)) {
  }
  if (!over_) see_end(now);
}

// One round over the containers; true when something happened that may make more things due.
bool HollowPod::step(const Behaviour& behaviour, int64_t now) {
  bool moved = false;
  for (size_t i = 0; i < containers_.size(); ++i) {
    auto& container = containers_[i];
    if (container.due == 0 || container.due > now) continue;
    if (container.running()) {
      container.run.ended = now;
      container.run.exit_code = container.planned_exit;
      end(i, behaviour, now);
    } else {
      start(i, behaviour, now);
    }
    moved = true;
  }
  return begin_next(behaviour, now) || moved;
}

// Init containers come one after the other, the others together after the last of them.
bool HollowPod::begin_next(const Behaviour& behaviour, int64_t now) {
  if (initialized_ || stop_due_ != 0) return false;
  for (size_t i = 0; i < containers_.size() && containers_[i].init; ++i) {
    const auto& container = containers_[i];
    const bool done = container.sidecar ? container.running() : container.over() && container.run.exit_code == 0;
    if (done) continue;
    if (container.state != HollowContainer::State::kIdle) return false;
    create(i, behaviour, now);
    return true;
  }
  initialized_ = true;
  for (size_t i = 0; i < containers_.size(); ++i) {
    if (!containers_[i].init) create(i, behaviour, now);
  }
  return true;
}

void HollowPod::create(size_t at, const Behaviour& behaviour, int64_t now) {
  auto& container = containers_[at];
  const auto& timing = behaviour.timing;
  container.state = HollowContainer::State::kCreating;
  container.due = now + vary(dice_[at], kPull, 0, timing.pull, timing.jitter) +
                  vary(dice_[at], kStart, container.run.attempt, timing.start, timing.jitter);
}

void HollowPod::start(size_t at, const Behaviour& behaviour, int64_t now) {
  auto& container = containers_[at];
  const auto& timing = behaviour.timing;
  if (container.ended()) {
    container.last = container.run;
    container.run = {.attempt = container.last->attempt + 1};
    const bool long_ago = container.last->ended - container.backoff_set > 2 * timing.backoff_most;
    container.backoff = container.backoff == 0 || long_ago ? timing.backoff_first
                                                           : std::min(timing.backoff_most, 2 * container.backoff);
    container.backoff_set = now;
    container.backing_off = false;
  }
  container.state = HollowContainer::State::kRunning;
  container.run.started = now;
  plan(at, behaviour);
}

// When this run ends, how, and from when on it is ready.
void HollowPod::plan(size_t at, const Behaviour& behaviour) {
  auto& container = containers_[at];
  const auto& timing = behaviour.timing;
  const auto attempt = container.run.attempt;
  container.ready_at = container.run.started + vary(dice_[at], kReady, attempt, timing.ready, timing.jitter);
  container.due = 0;
  if (container.sidecar) return;
  const int64_t length = container.init ? behaviour.init_run_for : behaviour.run_for;
  if (length >= 0) {
    container.due = container.run.started + length;
    container.planned_exit = container.init ? behaviour.init_exit_code : behaviour.exit_code;
  }
  if (container.init || timing.fail_rate == 0 || dice_[at].roll(kFail, attempt) >= timing.fail_rate) return;
  const int64_t fails = container.run.started + timing.fail_after;
  if (container.due != 0 && container.due < fails) return;
  container.due = fails;
  container.planned_exit = behaviour.exit_code != 0 ? behaviour.exit_code : 1;
}

// The container has ended as `run` says: is it begun again, and when? The first time at once, then after 10 s, 20 s,
// ...
void HollowPod::end(size_t at, const Behaviour& behaviour, int64_t now) {
  auto& container = containers_[at];
  const auto& timing = behaviour.timing;
  container.state = HollowContainer::State::kEnded;
  container.due = 0;
  container.backing_off = false;
  const bool again = container.policy == "Always" || (container.policy == "OnFailure" && container.run.exit_code != 0);
  if (over_ || stop_due_ != 0 || !again) return;
  const bool long_ago = container.run.ended - container.backoff_set > 2 * timing.backoff_most;
  const int64_t wait = container.backoff == 0 || long_ago ? 0 : container.backoff;
  container.backing_off = wait > 0;
  container.due = std::max(now, container.run.ended + wait) +
                  vary(dice_[at], kStart, container.run.attempt + 1, timing.start, timing.jitter);
}

void HollowPod::finish(int64_t now, bool completed) {
  over_ = true;
  for (auto& container : containers_) {
    container.due = 0;
    if (!container.running()) continue;
    container.state = HollowContainer::State::kEnded;
    container.run.ended = now;
    container.run.exit_code = container.sidecar || completed || !completes_ ? 0 : kPodTerminated;
    if (past_deadline_) container.run.exit_code = kKilled;
  }
}

void HollowPod::see_deadline(const corev1::Pod& pod, int64_t now) {
  if (over_ || deadline_ == 0 || now < deadline_ || pod.metadata().has_deletion_timestamp()) return;
  past_deadline_ = true;
  finish(now, false);
}

// What is told to end does so after its stop latency, or is killed at the end of its grace.
void HollowPod::see_deletion(const corev1::Pod& pod, const Behaviour& behaviour, int64_t now) {
  const auto& meta = pod.metadata();
  if (!meta.has_deletion_timestamp() || over_) return;
  if (stop_due_ == 0) {
    const auto& timing = behaviour.timing;
    const bool runs =
        std::any_of(containers_.begin(), containers_.end(), [](const auto& one) { return one.running(); });
    const int64_t wanted = runs && !dice_.empty() ? vary(dice_[0], kStop, 0, timing.stop, timing.jitter) : 0;
    stop_due_ = now + std::min(wanted, meta.deletion_grace_period_seconds() * kSecond);
  }
  if (stop_due_ <= now) return finish(now, false);
  // Nothing is begun any more while the pod goes.
  for (auto& container : containers_) {
    if (!container.running()) container.due = 0;
  }
}

// Over when every container that is no sidecar has ended for good, or an init container has failed for good.
void HollowPod::see_end(int64_t now) {
  bool all = true;
  for (const auto& container : containers_) {
    if (container.init && !container.sidecar && container.over() && container.run.exit_code != 0)
      return finish(now, false);
    if (!container.init) all = all && container.over();
  }
  if (all && initialized_) finish(now, true);
}

bool HollowPod::is_due(int64_t now) const {
  const auto due = next_due(advanced_);
  return due && *due <= now;
}

std::optional<int64_t> HollowPod::next_due(int64_t now) const {
  if (over_) return std::nullopt;
  std::optional<int64_t> next;
  const auto consider = [&](int64_t at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  for (const auto& container : containers_) {
    consider(container.due);
    if (container.running()) consider(container.ready_at);
  }
  consider(stop_due_);
  consider(deadline_);
  return next;
}

}  // namespace gantry::sim
