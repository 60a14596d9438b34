// When which probe runs, and what its result changes. How each kind asks is in kinds/.
#include "core/node/probes/prober.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include "core/files/unique_fd.hpp"
#include "core/node/probes/probe_kind.hpp"
#include "core/node/probes/probe_pool.hpp"
#include "core/simulation/turns.hpp"
#include "gantry/text.hpp"

namespace gantry::node {
namespace {

enum Purpose : uint8_t { kStartup, kReadiness, kLiveness, kPurposes };
constexpr std::array<std::string_view, kPurposes> kNames = {"Startup", "Readiness", "Liveness"};
constexpr int kRetries = 3;  // of probes that could not be run at all

int or_default(int32_t value, int otherwise) { return value > 0 ? value : otherwise; }

struct OneProbe {
  bool wanted = false, passed = false, held = false;  // held: it failed for good, this instance is not asked again
  bool counted = false, last = false;                 // the last result, when there is one
  int run = 0;                                        // how often in a row
  uint64_t timer = 0;
  corev1::Probe spec;
};

struct Instance {
  ProbeTarget target;
  std::array<OneProbe, kPurposes> probes;
  bool gone = false;
  std::string message;
  bool failed = false;

  bool started() const { return !probes[kStartup].wanted || probes[kStartup].passed; }
  ProbeState state() const {
    const bool ready = started() && (!probes[kReadiness].wanted || probes[kReadiness].passed);
    return {started(), ready, failed, failed ? message : std::string()};
  }
};
using InstancePtr = std::shared_ptr<Instance>;

class ProberImpl;

// Ends of commands may be told when the prober is gone, and from within its own calls.
struct Life {
  std::mutex mutex;
  std::condition_variable left;
  ProberImpl* prober = nullptr;
  int inside = 0;

  // Null when it is gone; else it stays until leave().
  ProberImpl* enter() {
    const std::lock_guard lock(mutex);
    if (prober != nullptr) ++inside;
    return prober;
  }
  void leave() {
    const std::lock_guard lock(mutex);
    --inside;
    left.notify_all();
  }
  void end() {
    std::unique_lock lock(mutex);
    prober = nullptr;
    left.wait(lock, [this] { return inside == 0; });
  }
};

class ProberImpl final : public Prober {
 public:
  ProberImpl(plugin::Timers& timers, ProberHooks hooks)
      : timers_(timers),
        hooks_(std::move(hooks)),
        cancelled_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        random_(simulation::Turns::current() != nullptr ? 1 : std::random_device{}()) {
    life_->prober = this;
  }

  ~ProberImpl() override {
    life_->end();
    std::vector<uint64_t> running;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      for (auto& [id, instance] : instances_) drop_locked(*instance, running);
      instances_.clear();
    }
    cancel(running);
    ::eventfd_write(cancelled_.get(), 1);
    pool_.stop();
  }

  void add(ProbeTarget target, bool assume_ready) override {
    auto instance = std::make_shared<Instance>();
    const std::string id = target.container_id;
    const auto& container = target.container;
    const auto take = [&](Purpose purpose, bool has, const corev1::Probe& spec) {
      instance->probes[purpose].wanted = has;
      if (has) instance->probes[purpose].spec = spec;
    };
    take(kStartup, container.has_startup_probe(), container.startup_probe());
    take(kReadiness, container.has_readiness_probe(), container.readiness_probe());
    take(kLiveness, container.has_liveness_probe(), container.liveness_probe());
    instance->probes[kLiveness].passed = true;
    instance->probes[kStartup].passed = instance->probes[kReadiness].passed = assume_ready;
    instance->target = std::move(target);
    const std::lock_guard lock(mutex_);
    if (stopped_ || !instances_.emplace(id, instance).second) return;
    // Spread over the period when many were found running at once.
    if (instance->started())
      start_after_startup_locked(instance, assume_ready);
    else
      schedule_locked(instance, kStartup, initial_delay(*instance, kStartup));
  }

  void remove(const std::string& container_id) override {
    std::vector<uint64_t> running;
    {
      const std::lock_guard lock(mutex_);
      const auto it = instances_.find(container_id);
      if (it == instances_.end()) return;
      drop_locked(*it->second, running);
      instances_.erase(it);
    }
    cancel(running);
  }

  void remove_pod(const std::string& pod_uid) override {
    std::vector<uint64_t> running;
    {
      const std::lock_guard lock(mutex_);
      for (auto it = instances_.begin(); it != instances_.end();) {
        if (it->second->target.pod_uid != pod_uid) {
          ++it;
          continue;
        }
        drop_locked(*it->second, running);
        it = instances_.erase(it);
      }
    }
    cancel(running);
  }

  ProbeState state(const std::string& container_id) const override {
    const std::lock_guard lock(mutex_);
    const auto it = instances_.find(container_id);
    if (it == instances_.end()) return {true, true, false, {}};
    return it->second->state();
  }

 private:
  static void drop_locked(Instance& instance, std::vector<uint64_t>& timers) {
    instance.gone = true;
    for (const auto& probe : instance.probes) {
      if (probe.timer != 0) timers.push_back(probe.timer);
    }
  }
  // Outside the lock: a timer that fires just now takes it.
  void cancel(const std::vector<uint64_t>& timers) {
    for (const auto id : timers) timers_.cancel(id);
  }

  int64_t initial_delay(const Instance& instance, Purpose purpose) const {
    const int64_t now_ns = timers_.clock().now_unix_ns();
    const int64_t since = std::max<int64_t>(0, now_ns - instance.target.started_unix_ns) / 1'000'000;
    const int64_t delay = instance.probes[purpose].spec.initial_delay_seconds() * int64_t{1000};
    // Never more than the delay itself, whatever the wall clock does.
    return std::clamp<int64_t>(delay - since, 0, std::max<int64_t>(delay, 0));
  }

  void start_after_startup_locked(const InstancePtr& instance, bool spread) {
    for (const auto purpose : {kReadiness, kLiveness}) {
      if (!instance->probes[purpose].wanted) continue;
      int64_t delay = initial_delay(*instance, purpose);
      if (spread) {
        const int period = or_default(instance->probes[purpose].spec.period_seconds(), 10);
        delay = std::max(delay, std::uniform_int_distribution<int64_t>(0, period * int64_t{1000})(random_));
      }
      schedule_locked(instance, purpose, delay);
    }
  }

  void schedule_locked(const InstancePtr& instance, Purpose purpose, int64_t delay_ms) {
    if (stopped_ || instance->gone) return;
    instance->probes[purpose].timer = timers_.start(delay_ms, [this, instance, purpose] {
      {
        const std::lock_guard lock(mutex_);
        if (stopped_ || instance->gone) return;
      }
      begin(instance, purpose);
    });
  }

  void begin(const InstancePtr& instance, Purpose purpose) {
    const int64_t now = timers_.clock().monotonic_ns();
    const ProbeKind* how = find_probe_kind(instance->probes[purpose].spec.probe_handler());
    if (how == nullptr) {
      const auto& target = instance->target;
      conclude(instance, purpose, now,
               Status::invalid("missing probe handler for " + target.pod.metadata().namespace_() + "/" +
                               target.pod.metadata().name() + ":" + target.container.name()));
    } else if (how->start != nullptr) {
      start(instance, purpose, *how, now, 1);
    } else {
      pool_.run(simulation::bind_turn("a probe", [this, how, instance, purpose] { ask(instance, purpose, *how); }));
    }
  }

  static ProbeTry try_of(const Instance& instance, Purpose purpose) {
    const auto& spec = instance.probes[purpose].spec;
    return {spec.probe_handler(), instance.target, or_default(spec.timeout_seconds(), 1)};
  }

  void start(const InstancePtr& instance, Purpose purpose, const ProbeKind& how, int64_t began, int attempt) {
    how.start(try_of(*instance, purpose), hooks_,
              [life = life_, &how, instance, purpose, began, attempt](Expected<ProbeOutcome> outcome) {
                auto* self = life->enter();
                if (self == nullptr) return;
                if (!outcome && attempt < kRetries && !self->gone(*instance))
                  self->start(instance, purpose, how, began, attempt + 1);
                else
                  self->conclude(instance, purpose, began, std::move(outcome));
                life->leave();
              });
  }

  // One round of one probe, on a thread of the pool.
  void ask(const InstancePtr& instance, Purpose purpose, const ProbeKind& how) {
    const int64_t began = timers_.clock().monotonic_ns();
    const ProbeTry probe = try_of(*instance, purpose);
    Expected<ProbeOutcome> outcome = Status::unavailable({});
    for (int i = 0; i < kRetries && !outcome && !gone(*instance); ++i) {
      outcome = how.ask(
          probe, {std::chrono::steady_clock::now() + std::chrono::seconds(probe.timeout_seconds), cancelled_.get()});
    }
    conclude(instance, purpose, began, std::move(outcome));
  }

  // Without an outcome it could not be run.
  void conclude(const InstancePtr& instance, Purpose purpose, int64_t began, Expected<ProbeOutcome> outcome) {
    if (gone(*instance)) return;
    if (outcome) outcome->output = as_text(outcome->output);
    const auto& target = instance->target;
    const std::string name(kNames[purpose]);
    if (!outcome) {
      hooks_.warn(target, "Unhealthy",
                  name + " probe errored and resulted in unknown state: " + outcome.error().message());
    } else if (outcome->result == ProbeResult::kWarning) {
      hooks_.warn(target, "ProbeWarning", name + " probe warning: " + outcome->output);
    } else if (outcome->result == ProbeResult::kFailure) {
      hooks_.warn(target, "Unhealthy", name + " probe failed: " + outcome->output);
    }
    bool changed = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_ || instance->gone) return;
      if (outcome) {
        const auto before = instance->state();
        const bool success = outcome->result != ProbeResult::kFailure;
        count_locked(instance, purpose, success, name + " probe failed: " + outcome->output);
        const auto after = instance->state();
        changed = before.started != after.started || before.ready != after.ready ||
                  before.failed_liveness != after.failed_liveness;
      }
      next_locked(instance, purpose, began);
    }
    if (changed) hooks_.changed(target.pod_uid, target.container_id);
  }

  bool gone(const Instance& instance) const {
    const std::lock_guard lock(mutex_);
    return stopped_ || instance.gone;
  }

  static void count_locked(const InstancePtr& instance, Purpose purpose, bool success, const std::string& message) {
    auto& probe = instance->probes[purpose];
    probe.run = probe.counted && probe.last == success ? probe.run + 1 : 1;
    probe.counted = true;
    probe.last = success;
    const auto& spec = probe.spec;
    const int needed = success ? or_default(spec.success_threshold(), 1) : or_default(spec.failure_threshold(), 3);
    if (probe.run < needed) return;
    probe.passed = success;
    if (success || purpose == kReadiness) return;
    // The container is to be killed: what its next instance does is counted anew.
    probe.held = true;
    instance->failed = true;
    instance->message = message;
  }

  void next_locked(const InstancePtr& instance, Purpose purpose, int64_t began) {
    auto& probe = instance->probes[purpose];
    if (purpose == kStartup && probe.passed) {
      probe.timer = 0;
      start_after_startup_locked(instance, false);
      return;
    }
    if (probe.held) {
      probe.timer = 0;
      return;
    }
    const int64_t took = (timers_.clock().monotonic_ns() - began) / 1'000'000;
    const int64_t period = or_default(probe.spec.period_seconds(), 10) * int64_t{1000};
    schedule_locked(instance, purpose, std::max<int64_t>(0, period - took));
  }

  plugin::Timers& timers_;
  const ProberHooks hooks_;
  const std::shared_ptr<Life> life_ = std::make_shared<Life>();
  const io::UniqueFd cancelled_;
  mutable std::mutex mutex_;
  std::map<std::string, InstancePtr> instances_;
  std::mt19937 random_;
  bool stopped_ = false;
  ProbePool pool_;
};

}  // namespace

std::unique_ptr<Prober> make_prober(plugin::Timers& timers, ProberHooks hooks) {
  return std::make_unique<ProberImpl>(timers, std::move(hooks));
}

}  // namespace gantry::node
