#include "core/simulation/turns.hpp"

#include <utility>

namespace gantry::simulation {
namespace {

struct Current {
  Turns* turns = nullptr;
  Turns::Ticket ticket = 0;
};
thread_local Current current;

}  // namespace

Turns::Turns(Duration patience, std::function<void(const std::string&)> log)
    : patience_(patience), log_(std::move(log)) {}

Turns* Turns::current() { return simulation::current.turns; }

Turns::Ticket Turns::take(const char* who) {
  const std::lock_guard lock(mutex_);
  live_.emplace_hint(live_.end(), ++last_, who);
  return last_;
}

void Turns::begin(Ticket ticket) {
  {
    std::unique_lock lock(mutex_);
    wait_for_turn(lock, ticket);
  }
  simulation::current = {this, ticket};
}

// False when no turn ended for the patience's time.
bool Turns::has_patience_locked(std::unique_lock<std::mutex>& lock, std::condition_variable& woken,
                                const std::function<bool()>& ready) {
  for (uint64_t seen = ended_; !woken.wait_for(lock, patience_, ready); seen = ended_) {
    if (seen == ended_) return false;
  }
  return true;
}

void Turns::pass_by(std::unique_lock<std::mutex>& lock, const char* who) {
  ++broken_;
  const std::string complaint = std::string(live_.begin()->second) + " has not ended its turn for " +
                                std::to_string(patience_.count()) + " ms; " + who +
                                " goes on without it, and the run is not repeatable any more";
  lock.unlock();
  if (log_) log_(complaint);
  lock.lock();
}

void Turns::wait_for_turn(std::unique_lock<std::mutex>& lock, Ticket ticket) {
  const auto mine = [&] { return open_ || live_.empty() || live_.begin()->first >= ticket; };
  if (mine()) return;
  std::condition_variable woken;
  waiting_[ticket] = &woken;
  const bool came = has_patience_locked(lock, woken, mine);
  waiting_.erase(ticket);
  if (!came) pass_by(lock, live_[ticket]);
}

void Turns::begin_when_quiet(const char* who) {
  Ticket ticket = 0;
  {
    std::unique_lock lock(mutex_);
    ++outside_;
    const bool came = has_patience_locked(lock, quiet_, [this] { return open_ || live_.empty(); });
    --outside_;
    live_.emplace_hint(live_.end(), ticket = ++last_, who);
    if (!came) pass_by(lock, who);
  }
  simulation::current = {this, ticket};
}

void Turns::remove_locked(Ticket ticket) {
  live_.erase(ticket);
  ++ended_;
  if (live_.empty()) {
    quiet_.notify_all();
  } else if (const auto next = waiting_.find(live_.begin()->first); next != waiting_.end()) {
    next->second->notify_one();
  }
}

void Turns::drop(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  remove_locked(ticket);
}

void Turns::end() {
  const auto ended = std::exchange(simulation::current, {});
  if (ended.turns != nullptr) ended.turns->drop(ended.ticket);
}

Turns::Ticket Turns::give_up() {
  const auto ticket = simulation::current.ticket;
  end();
  return ticket;
}

bool Turns::wait_quiet() {
  std::unique_lock lock(mutex_);
  return has_patience_locked(lock, quiet_, [this] { return open_ || (live_.empty() && outside_ == 0); });
}

void Turns::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
  for (const auto& [ticket, woken] : waiting_) woken->notify_one();
  quiet_.notify_all();
}

std::string Turns::who() const {
  const std::lock_guard lock(mutex_);
  return live_.empty() ? "" : live_.begin()->second;
}

uint64_t Turns::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

Turn::Turn(Turns* turns, const char* who) : mine_(turns != nullptr && Turns::current() == nullptr) {
  if (mine_) turns->begin_when_quiet(who);
}

Turn::Turn(Turns* turns, Turns::Ticket ticket) : mine_(turns != nullptr && ticket != 0) {
  if (mine_) turns->begin(ticket);
}

Turn::~Turn() {
  if (mine_) Turns::end();
}

void Await::answered() {
  if (turns_ == nullptr) return;
  const std::lock_guard lock(mutex_);
  if (!over_ && ticket_ == 0) ticket_ = turns_->take("an answer");
}

// Before the wait began: the turn goes on as it is.
bool Await::already_answered() {
  const std::lock_guard lock(mutex_);
  if (ticket_ == 0) return false;
  over_ = true;
  turns_->drop(std::exchange(ticket_, 0));
  return true;
}

void Await::resume() {
  Turns::Ticket ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    ticket = std::exchange(ticket_, 0);
  }
  turns_->begin(ticket != 0 ? ticket : turns_->take("a wait that was given up"));
}

void Bell::ring() {
  Turns* const by = Turns::current();
  if (turns_ == nullptr && by == nullptr) return;
  const std::lock_guard lock(mutex_);
  if (turns_ == nullptr) turns_ = by;
  if (ticket_ == 0) ticket_ = turns_->take(who_);
}

bool Bell::rung() const {
  const std::lock_guard lock(mutex_);
  return ticket_ != 0;
}

void Bell::enter() {
  Turns::Ticket ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    ticket = ticket_;
  }
  if (ticket == 0) return;
  // Whoever rings until then is answered by this turn, too.
  turns_->begin(ticket);
  const std::lock_guard lock(mutex_);
  ticket_ = 0;
}

void Bell::leave() { Turns::end(); }

std::function<void()> bind_turn(const char* who, std::function<void()> work) {
  Turns* const turns = Turns::current();
  if (turns == nullptr) return work;
  return [turns, ticket = turns->take(who), work = std::move(work)] {
    const Turn turn(turns, ticket);
    work();
  };
}

}  // namespace gantry::simulation
