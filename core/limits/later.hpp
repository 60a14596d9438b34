// Answers that may come later: of admission steps, and of who says who may do what.
//
// Who is asked answers at once, which costs nothing, or takes a Resume from the Pause that it is given and answers from
// whatever thread, whenever it is ready. Who waits gets one answer in any case: the first that comes, the deadline's,
// the one of a Resume that was dropped, or the end's of the Waits that it is part of. [any-thread]
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gantry/status.hpp"

namespace gantry::limits {

// To be called once. Who is asked must not touch anything of the question any more once it is called; the question may
// have ended before, and then it does nothing. Dropped without a call: an internal error is the answer.
using Resume = std::function<void(Status)>;

// Given to who is asked, for as long as he is.
class Pause {
 public:
  virtual ~Pause() = default;
  // The answer is then kLater.
  virtual Resume later() = 0;
};

// ok: goes on.
using Answer = std::optional<Status>;
inline const Answer kPass{Status()};
inline constexpr std::nullopt_t kLater = std::nullopt;

class Wait;

// All waits of one server: so many at most, and none of them outlives it.
class Waits {
 public:
  explicit Waits(size_t most) : most_(most) {}
  // Not ok: too many wait, or it has ended; the wait is to be answered with that.
  Status add(const std::shared_ptr<Wait>& wait);
  void remove(const Wait* wait);
  // Answers all of them, and each that would come, before it returns. Idempotent.
  void end(const Status& why);
  size_t count() const;

 private:
  const size_t most_;
  mutable std::mutex mutex_;
  Status ended_;  // by mutex, as the rest
  std::unordered_map<const Wait*, std::weak_ptr<Wait>> open_;
};

// Who waits for an answer.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // Where it goes on after an answer that took its time: not on the thread that gives it. [any-thread]
  virtual void go_on(std::function<void(Status)> rest, Status status) = 0;
  // Calls `late` once when nobody waits any longer, unless what is returned is called first. Null: it waits for ever.
  // [any-thread]
  virtual std::function<void()> at_deadline(std::function<void()> late) = 0;
  // What its waits are part of; null: nothing.
  virtual Waits* waits() { return nullptr; }
};

// One question. Derived from by who asks, on his stack: nothing is allocated unless the answer takes its time.
class Asking : public Pause {
 public:
  Resume later() final;

 protected:
  // What counts of the answer that was given at once; kLater: the rest is called when it comes.
  Answer settle(Answer given);

 private:
  virtual std::string asked() const = 0;  // who, for messages
  virtual std::shared_ptr<Waiter> waiter() const = 0;
  // Owns what it needs: it outlives this.
  virtual std::function<void(Status)> rest() const = 0;

  std::shared_ptr<Wait> waiting_;
};

}  // namespace gantry::limits
