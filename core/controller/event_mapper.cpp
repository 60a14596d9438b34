#include "core/controller/event_mapper.hpp"

#include <chrono>
#include <utility>

#include "core/plugin/bounds.hpp"

namespace gantry::controller {
namespace {

namespace bounds = plugin::bounds;

// Objects are shared with the cache until they change there; counted as if they were not.
size_t size_of(const EventMapper::Item& item) {
  const auto& event = item.event;
  return sizeof item + event.now->object.bytes.size() +
         (event.before == nullptr ? 0 : event.before->object.bytes.size());
}

}  // namespace

EventMapper::~EventMapper() { stop(); }

void EventMapper::add(std::vector<Item> items) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || items.empty()) return;
  for (auto& item : items) keep_locked(std::move(item));
  if (!active_ && !held_) post_locked();
}

void EventMapper::keep_locked(Item item) {
  const size_t size = size_of(item);
  if (events_.size() >= bounds::kEvents || bytes_ + size > bounds::kEventBytes) {
    lost_ = true;
    events_.clear();
    bytes_ = 0;
  }
  if (lost_) return;  // it is among everything
  bytes_ += size;
  events_.push_back(std::move(item));
}

void EventMapper::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void EventMapper::wake(bool replaced, bool anew) {
  const std::lock_guard lock(mutex_);
  held_ = false;
  ++woken_;
  if (stopped_) return;
  if (replaced && mapping_) {
    // Its thread may never come back; another one goes on in its place.
    pool_.lend(true);
    again_.push_front(std::exchange(current_, {}));
    mapping_ = active_ = false;
    ++turn_;
  }
  if (anew) {
    anew_ = lost_ = true;
    events_.clear();
    bytes_ = 0;
  }
  if (!active_ && (lost_ || !again_.empty() || !events_.empty())) post_locked();
}

bool EventMapper::wait_quiet(int64_t ms) {
  std::unique_lock lock(mutex_);
  return quiet_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return !mapping_; });
}

void EventMapper::stop() {
  {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    events_.clear();
    again_.clear();
    bytes_ = 0;
    quiet_.wait(lock, [this] { return runs_ == 0; });
  }
  pool_.stop();
}

size_t EventMapper::waiting() const {
  const std::lock_guard lock(mutex_);
  return events_.size() + again_.size();
}

void EventMapper::post_locked() {
  active_ = true;
  ++runs_;
  // Not refused: the pool stops after the last run, and none is posted then.
  pool_.post([this, turn = turn_] { run(turn); });
}

// Fills again_ with everything. False: not now, after all.
bool EventMapper::gather_locked(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  auto everything = options_.everything();
  lock.lock();
  // How often an event ended the process is not forgotten.
  for (auto& item : everything) {
    if (broken_.tries > 0 && item.event.now == broken_.event.now) item.tries = broken_.tries;
  }
  std::erase_if(everything, [](const Item& item) { return item.tries >= kTries; });
  again_ = std::move(everything);
  return !stopped_ && !held_;
}

// Makes the next event current_. With the lock held, which it may let go for a while.
bool EventMapper::take_locked(std::unique_lock<std::mutex>& lock) {
  if (stopped_ || held_) return false;
  if (std::exchange(anew_, false)) again_.clear();
  if (again_.empty() && std::exchange(lost_, false) && !gather_locked(lock)) return false;
  auto& from = again_.empty() ? events_ : again_;
  if (from.empty()) return false;
  current_ = std::move(from.front());
  from.pop_front();
  if (&from == &events_) bytes_ -= size_of(current_);
  return true;
}

// True to go on at once.
bool EventMapper::answered_locked(std::unique_lock<std::mutex>& lock, Answer answer, uint64_t woken) {
  if (answer == Answer::kDone) return true;
  if (answer == Answer::kBroken) {
    ++current_.tries;
    broken_ = current_;
  }
  if (answer == Answer::kBroken && current_.tries >= kTries) {
    const Item skipped = std::exchange(current_, {});
    lock.unlock();
    options_.skipped(skipped);
    lock.lock();
  } else {
    again_.push_front(std::exchange(current_, {}));
  }
  return woken != woken_;
}

void EventMapper::run(uint64_t turn) {
  std::unique_lock lock(mutex_);
  while (turn == turn_ && take_locked(lock)) {
    const uint64_t woken = woken_;
    const Item item = current_;  // wake() may take the other one
    mapping_ = true;
    lock.unlock();
    const auto answer = options_.map(item);
    lock.lock();
    if (turn != turn_) break;
    mapping_ = false;
    quiet_.notify_all();
    if (!answered_locked(lock, answer, woken)) break;
  }
  if (turn == turn_) {
    active_ = false;
  } else {
    pool_.lend(false);
  }
  if (--runs_ == 0) quiet_.notify_all();
}

}  // namespace gantry::controller
