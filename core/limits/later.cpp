// Waits, and how each of them ends once. [any-thread]
#include "core/limits/later.hpp"

#include <utility>
#include <vector>

namespace gantry::limits {

// Shared by the Resume, the deadline and the Waits; whoever is first counts.
class Wait : public std::enable_shared_from_this<Wait> {
 public:
  Wait(std::string asked, std::shared_ptr<Waiter> waiter, std::function<void(Status)> then)
      : asked_(std::move(asked)), waiter_(std::move(waiter)), then_(std::move(then)) {}

  void begin() {
    const auto waiter = waiter_;  // an answer may come meanwhile
    if (auto* all = waiter->waits()) {
      if (auto refused = all->add(shared_from_this()); !refused.ok()) return answer(std::move(refused));
    }
    auto cancel = waiter->at_deadline([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->answer(self->too_late());
    });
    const std::lock_guard lock(mutex_);
    if (then_) {
      cancel_ = std::move(cancel);
    } else if (cancel) {
      cancel();
    }
  }
  void answer(Status status) {
    auto [waiter, then] = close();
    if (then) waiter->go_on(std::move(then), std::move(status));
  }
  // It has been answered at once after all.
  void forget() { close(); }
  Status no_answer() const { return Status::internal(asked_ + " ended without an answer"); }

 private:
  struct Rest {
    std::shared_ptr<Waiter> waiter;
    std::function<void(Status)> then;
  };

  // What is left to do, for the first who asks.
  Rest close() {
    Rest rest;
    std::function<void()> cancel;
    {
      const std::lock_guard lock(mutex_);
      if (!then_) return rest;
      rest = {std::exchange(waiter_, nullptr), std::exchange(then_, nullptr)};
      cancel = std::exchange(cancel_, nullptr);
    }
    if (cancel) cancel();
    if (auto* all = rest.waiter->waits()) all->remove(this);
    return rest;
  }
  Status too_late() const {
    return Status::timeout("Timeout: request did not complete within the allotted timeout: " + asked_ +
                           " has not answered");
  }

  const std::string asked_;
  std::mutex mutex_;
  std::shared_ptr<Waiter> waiter_;  // until it is answered; by mutex, as the rest
  std::function<void(Status)> then_;
  std::function<void()> cancel_;
};

namespace {

// Answers when the last copy of a Resume goes.
class LastCopy {
 public:
  explicit LastCopy(std::shared_ptr<Wait> wait) : wait_(std::move(wait)) {}
  ~LastCopy() { wait_->answer(wait_->no_answer()); }
  LastCopy(const LastCopy&) = delete;
  LastCopy& operator=(const LastCopy&) = delete;
  Wait& wait() const { return *wait_; }

 private:
  const std::shared_ptr<Wait> wait_;
};

}  // namespace

Status Waits::add(const std::shared_ptr<Wait>& wait) {
  const std::lock_guard lock(mutex_);
  if (!ended_.ok()) return ended_;
  // Upstream's words for more requests than it serves at once.
  if (open_.size() >= most_) return Status::too_many_requests("Too many requests, please try again later.");
  open_.emplace(wait.get(), wait);
  return {};
}

void Waits::remove(const Wait* wait) {
  const std::lock_guard lock(mutex_);
  open_.erase(wait);
}

void Waits::end(const Status& why) {
  std::vector<std::shared_ptr<Wait>> all;
  {
    const std::lock_guard lock(mutex_);
    ended_ = why;
    for (const auto& [address, wait] : open_) {
      if (auto alive = wait.lock()) all.push_back(std::move(alive));
    }
  }
  for (const auto& wait : all) wait->answer(why);
}

size_t Waits::count() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

Resume Asking::later() {
  if (waiting_) waiting_->forget();
  waiting_ = std::make_shared<Wait>(asked(), waiter(), rest());
  waiting_->begin();
  return [last = std::make_shared<LastCopy>(waiting_)](Status status) { last->wait().answer(std::move(status)); };
}

Answer Asking::settle(Answer given) {
  const auto waiting = std::exchange(waiting_, nullptr);
  if (!given && waiting) return kLater;
  if (waiting) waiting->forget();
  if (!given) return Status::internal(asked() + " gave no answer");
  return given;
}

}  // namespace gantry::limits
