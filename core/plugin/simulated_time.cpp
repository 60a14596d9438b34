#include "core/plugin/simulated_time.hpp"

#include <chrono>
#include <utility>

namespace gantry::plugin {
namespace {

// A timer that starts itself again without delay would keep the clock where it is for ever.
constexpr int64_t kMostAtOnce = 1'000'000;

uint64_t mixed(uint64_t digest, int64_t value) {
  for (int byte = 0; byte < 8; ++byte) {
    digest = (digest ^ ((static_cast<uint64_t>(value) >> (8 * byte)) & 255)) * 1'099'511'628'211ULL;
  }
  return digest;
}

}  // namespace

SimulatedTime::SimulatedTime(Options options)
    : turns_(options.patience, std::move(options.log)),
      random_(options.seed),
      clock_(options.start_unix_ns),
      timers_(clock_, Timers::Driven::kByHand) {}

// Splitmix64.
uint64_t SimulatedTime::random() {
  uint64_t z = random_.fetch_add(0x9e3779b97f4a7c15ULL) + 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

SimulatedTime::State SimulatedTime::state() const {
  State state;
  state.now_unix_ns = clock_.now_unix_ns();
  if (const auto next = timers_.next_due()) state.next_unix_ns = clock_.unix_of(*next);
  state.fired = fired_;
  state.digest = digest_;
  state.broken = turns_.broken();
  state.waiting = timers_.waiting();
  return state;
}

Status SimulatedTime::settle() {
  if (turns_.wait_quiet()) return {};
  return Status::timeout("time stands still: " + turns_.who() + " does not end its turn");
}

Status SimulatedTime::fire_one(int64_t due_ns) {
  same_instant_ = due_ns > clock_.monotonic_ns() ? 0 : same_instant_ + 1;
  if (same_instant_ > kMostAtOnce) {
    return Status::internal("time stands still: a timer starts itself again and again without delay");
  }
  clock_.set_monotonic(due_ns);
  {
    const simulation::Turn turn(&turns_, "timers");
    timers_.fire_next();
  }
  if (auto settled = settle(); !settled.ok()) return settled;
  ++fired_;
  digest_ = mixed(mixed(digest_, due_ns), mark_ ? mark_() : 0);
  return {};
}

Expected<SimulatedTime::State> SimulatedTime::advance_to(int64_t unix_ns, std::chrono::milliseconds budget) {
  const std::lock_guard moving(moving_);
  const auto until = std::chrono::steady_clock::now() + budget;
  if (auto settled = settle(); !settled.ok()) return settled;
  for (;;) {
    if (ended_) return Status::unavailable("the daemon ends");
    const auto due = timers_.next_due();
    if (!due || clock_.unix_of(*due) > unix_ns) break;
    if (auto done = fire_one(*due); !done.ok()) return done;
    if (budget.count() > 0 && std::chrono::steady_clock::now() >= until) return state();
  }
  clock_.set_monotonic(clock_.monotonic_ns() + (unix_ns - clock_.now_unix_ns()));
  return state();
}

void SimulatedTime::end() {
  ended_ = true;
  turns_.open();
}

}  // namespace gantry::plugin
