#include "core/plugin/watchdog.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "core/plugin/plugin.hpp"
#include "core/plugin/thread_stack.hpp"

namespace gantry::plugin {
namespace {

constexpr std::chrono::milliseconds kCapture(500);
// running_for() looks at a call just now: soon it does no longer.
constexpr int64_t kHeldElsewhereNs = 1'000'000;

int64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}
// A few nanoseconds to read, a few milliseconds late: good for deadlines.
int64_t coarse_ns() { return clock_ns(CLOCK_MONOTONIC_COARSE); }
int64_t exact_ns() { return clock_ns(CLOCK_MONOTONIC); }

pid_t this_thread() {
  thread_local const pid_t id = ::gettid();
  return id;
}

// Where this thread looks for a free slot first: usually the one it had last.
size_t& last_slot() {
  thread_local size_t slot = static_cast<size_t>(this_thread());
  return slot;
}

}  // namespace

Watchdog::Watchdog(Listener listener) : listener_(std::move(listener)), thread_([this] { run(); }) {}

Watchdog::~Watchdog() { stop(); }

void Watchdog::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Watchdog::Watch::Watch(Watchdog& dog, Instance& instance, int64_t deadline_ms, std::string_view ns,
                       std::string_view name, std::function<void()> noted, const char* act)
    : dog_(dog), instance_(instance), ns_(ns), name_(name), noted_(std::move(noted)), act_(act), slot_(kSlots) {
  if (deadline_ms <= 0) return;
  begin_ns_ = coarse_ns();
  limit_ns_ = deadline_ms * 1'000'000;
  thread_ = this_thread();
  dog_.begin(*this);
}

Watchdog::Watch::~Watch() {
  if (slot_ < kSlots) dog_.end(*this);
}

std::string Watchdog::Watch::what() const {
  std::string text(act_);
  if (!name_.empty()) text += " of ";
  if (!ns_.empty()) text.append(ns_).append("/");
  return text.append(name_);
}

void Watchdog::begin(Watch& watch) {
  size_t& first = last_slot();
  for (size_t i = 0; i < kSlots; ++i) {
    const size_t at = (first + i) % kSlots;
    int64_t free = kFree;
    if (!slots_[at].look_ns.compare_exchange_strong(free, kTaken)) continue;
    first = watch.slot_ = at;
    slots_[at].watch = &watch;
    const int64_t look = watch.begin_ns_ + watch.limit_ns_;
    // Either the thread sees this slot, or this sees that the thread is about to sleep: both in one order.
    slots_[at].look_ns.store(look);
    if (look < wake_at_.load()) wake(look);
    return;
  }
}

void Watchdog::end(Watch& watch) {
  Slot& slot = slots_[watch.slot_];
  for (int64_t seen = slot.look_ns.load();;) {
    if (seen != kHeld && slot.look_ns.compare_exchange_weak(seen, kFree)) break;
    if (seen != kHeld) continue;
    std::unique_lock lock(mutex_);
    released_.wait(lock, [&] { return slot.look_ns.load() != kHeld; });
    seen = slot.look_ns.load();
  }
  if (watch.reported_) listener_.ended(watch.instance_, watch.what(), (exact_ns() - watch.begin_ns_) / 1'000'000);
}

void Watchdog::wake(int64_t look_ns) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ns_ = std::min(wanted_ns_, look_ns);
  }
  wake_.notify_one();
}

void Watchdog::run() {
  ::pthread_setname_np(::pthread_self(), "watchdog");
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    // The call that woke this may be over by now; the next one need not wake it again before that moment.
    const int64_t wanted = std::exchange(wanted_ns_, INT64_MAX);
    lock.unlock();
    wake_at_.store(INT64_MAX);
    const int64_t next = std::min(look_at_all(), wanted > exact_ns() ? wanted : INT64_MAX);
    wake_at_.store(next);
    lock.lock();
    const auto asked = [this] { return stopped_ || wanted_ns_ != INT64_MAX; };
    if (next == INT64_MAX) {
      wake_.wait(lock, asked);
    } else {
      wake_.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(next)), asked);
    }
  }
}

int64_t Watchdog::look_at_all() {
  int64_t next = INT64_MAX;
  const int64_t now = exact_ns();
  for (auto& slot : slots_) {
    const int64_t seen = slot.look_ns.load();
    if (seen > 0) next = std::min(next, seen > now ? seen : look(slot, seen, now));
    if (seen == kHeld) next = std::min(next, now + kHeldElsewhereNs);
  }
  return next;
}

int64_t Watchdog::look(Slot& slot, int64_t seen, int64_t now) {
  // Not held: it ended, or another began, which wakes this when it must.
  if (!hold(slot, seen)) return slot.look_ns.load() == kHeld ? now + kHeldElsewhereNs : INT64_MAX;
  Watch& watch = *slot.watch;
  auto& instance = watch.instance_;
  Overdue overdue{instance, watch.what(), (now - watch.begin_ns_) / 1'000'000, watch.reported_, {}};
  overdue.stack = describe_stack(capture_stack(watch.thread_, kCapture), instance.copy(), instance.image().path);
  watch.reported_ = true;
  if (watch.noted_) watch.noted_();
  listener_.overdue(overdue);
  const int64_t again = watch.begin_ns_ + 2 * std::max(now - watch.begin_ns_, watch.limit_ns_);
  release(slot, again);
  return again;
}

void Watchdog::release(Slot& slot, int64_t look_ns) {
  {
    const std::lock_guard lock(mutex_);
    slot.look_ns.store(look_ns);
  }
  released_.notify_all();
}

std::vector<std::string> Watchdog::running_for(int64_t ms) {
  std::vector<std::string> found;
  const int64_t now = exact_ns();
  for (auto& slot : slots_) {
    const int64_t seen = slot.look_ns.load();
    if (seen <= 0 || !hold(slot, seen)) continue;
    const int64_t ran = (now - slot.watch->begin_ns_) / 1'000'000;
    if (ran >= ms) {
      found.push_back("plugin " + slot.watch->instance_.plugin().name() + ": " + slot.watch->what() + ", for " +
                      std::to_string(ran / 1000) + " s");
    }
    release(slot, seen);
  }
  return found;
}

}  // namespace gantry::plugin
