// One turn at a time: under simulated time whatever the daemon's threads do happens in one order, which is the same in
// every run.
//
// Who makes work takes a ticket for it; who does the work begins with that ticket, and runs once no older ticket is
// left. Work that waits for other work gives its turn up and gets a new one with the answer. Nobody has a ticket: all
// is done that can be done now, and time may go on. Owned by SimulatedTime; in a daemon on real time there is none, and
// what is here costs a look at a thread's own variable. [any-thread]
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace gantry::simulation {

class Turns {
 public:
  using Ticket = uint64_t;  // 0: none
  using Duration = std::chrono::milliseconds;

  // patience: after so long without any turn ending, the next one does not wait for it any longer.
  explicit Turns(Duration patience = std::chrono::seconds(20), std::function<void(const std::string&)> log = nullptr);
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // `who` must live as long: a literal.
  Ticket take(const char* who);
  // Returns when it is this ticket's turn, which is the thread's until end().
  void begin(Ticket ticket);
  // For what comes from outside, a request or the next timer: waits until all is done that what came before set off,
  // and begins then. So whoever asks twice finds the same order of things twice, however fast he is.
  void begin_when_quiet(const char* who);
  // Ends the thread's turn.
  static void end();
  // For a ticket whose work is dropped.
  void drop(Ticket ticket);

  // Returns once nobody has a ticket or waits to begin; false when no turn ended for as long as the patience.
  bool wait_quiet();
  // Ends the order: from now on nobody waits.
  void open();

  // Whose turn it is.
  std::string who() const;
  // How often a turn began though an older one had not ended: the order is not the same in every run any more.
  uint64_t broken() const;

  // Of the calling thread's turn; null outside.
  static Turns* current();

 private:
  friend class Await;
  bool has_patience_locked(std::unique_lock<std::mutex>& lock, std::condition_variable& woken,
                           const std::function<bool()>& ready);
  void pass_by(std::unique_lock<std::mutex>& lock, const char* who);
  void wait_for_turn(std::unique_lock<std::mutex>& lock, Ticket ticket);
  void remove_locked(Ticket ticket);
  Ticket give_up();

  const Duration patience_;
  const std::function<void(const std::string&)> log_;
  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  std::map<Ticket, const char*> live_;
  std::map<Ticket, std::condition_variable*> waiting_;
  Ticket last_ = 0;
  uint64_t ended_ = 0, broken_ = 0;
  size_t outside_ = 0;  // who wait for quiet to begin
  bool open_ = false;
};

// A turn as long as a scope. Without `turns`, or inside a turn, nothing.
class Turn {
 public:
  Turn(Turns* turns, const char* who);  // when it is quiet
  Turn(Turns* turns, Turns::Ticket ticket);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  bool mine_ = false;
};

// A stretch of a turn that waits for others' turns, and cannot say for which: they go on, and this one when all is
// quiet. No lock may be held at either end that a turn takes.
class GiveWay {
 public:
  GiveWay() : turns_(Turns::current()) { Turns::end(); }
  ~GiveWay() {
    if (turns_ != nullptr) turns_->begin_when_quiet("who gave way");
  }
  GiveWay(const GiveWay&) = delete;
  GiveWay& operator=(const GiveWay&) = delete;

 private:
  Turns* const turns_;
};

// A wait inside a turn for what another turn does. Made by who waits; answered() by who answers, before the waiter is
// woken; shared, for an answer may come after the wait was given up. Outside of a turn it does nothing.
class Await {
 public:
  Await() : turns_(Turns::current()) {}
  Await(const Await&) = delete;
  Await& operator=(const Await&) = delete;

  void answered();
  // Runs `block`, which blocks until the answer is there, without a turn.
  template <typename Block>
  auto wait(Block&& block) {
    if (turns_ == nullptr || already_answered()) return block();
    turns_->give_up();
    const Resume resume{*this};
    return block();
  }

 private:
  struct Resume {
    Await& await;
    ~Resume() { await.resume(); }
  };
  bool already_answered();
  void resume();

  Turns* const turns_;
  std::mutex mutex_;
  Turns::Ticket ticket_ = 0;
  bool over_ = false;
};

// The place of a thread that works off what others leave for it: rung for each thing left, answered once for all that
// lies there. ring() and the look at what lies there are under the owner's lock; enter() is not.
class Bell {
 public:
  // Without `turns`: those of whoever rings.
  explicit Bell(const char* who, Turns* turns = nullptr) : who_(who), turns_(turns) {}
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void ring();
  bool rung() const;
  // By the thread: waits for the turn that was rung for, if one was.
  void enter();
  // Ends it.
  void leave();

 private:
  const char* const who_;
  mutable std::mutex mutex_;
  Turns* turns_;
  Turns::Ticket ticket_ = 0;
};

// Work that some other thread will run soon: in a turn of its own if it is bound inside one.
std::function<void()> bind_turn(const char* who, std::function<void()> work);

}  // namespace gantry::simulation
