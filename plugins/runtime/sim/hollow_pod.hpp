// A pod as its hollow kubelet runs it: containers that are begun, run, end and begin again at times that follow from
// the pod, the seed and the clock alone.
//
// No thread, no timer, no API: advance() is told the time and says through next_due() when it wants to be told again.
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "behaviour.hpp"
#include "dice.hpp"

namespace gantry::sim {

struct HollowContainer {
  enum class State : uint8_t { kIdle, kCreating, kRunning, kEnded };
  // One run from its start to its end.
  struct Run {
    int64_t started = 0, ended = 0;
    int32_t exit_code = 0, attempt = 0;
  };

  std::string name;
  std::string policy;  // Always, OnFailure, Never
  bool init = false, sidecar = false;
  State state = State::kIdle;
  Run run;                  // the present or the last one
  std::optional<Run> last;  // the one before, once it runs again
  int64_t due = 0;          // when its state changes next; 0: not by itself
  int32_t planned_exit = 0;
  int64_t ready_at = 0;
  int64_t backoff = 0, backoff_set = 0;  // the wait that the next restart has, and when it was set
  bool backing_off = false;

  bool running() const { return state == State::kRunning; }
  bool ended() const { return state == State::kEnded; }
  // Ended, and not to be begun again.
  bool over() const { return ended() && due == 0; }
};

class HollowPod {
 public:
  // A pod that its node has just accepted, or, when its status tells of containers, one that ran before a restart.
  HollowPod(const corev1::Pod& pod, const Behaviour& behaviour, int64_t seed, int64_t now);

  // Does all that is due at `now`.
  void advance(const corev1::Pod& pod, const Behaviour& behaviour, int64_t now);
  // The next time at which something changes by itself.
  std::optional<int64_t> next_due(int64_t now) const;
  // Whether something has become due since the last advance().
  bool is_due(int64_t now) const;

  const std::vector<HollowContainer>& containers() const { return containers_; }
  const Dice& dice(size_t container) const { return dice_[container]; }
  int64_t accepted() const { return accepted_; }
  bool initialized() const { return initialized_; }
  // Everything has ended for good: Succeeded or Failed, or stopped for deletion.
  bool over() const { return over_; }
  bool past_deadline() const { return past_deadline_; }

 private:
  void read_containers(const corev1::Pod& pod);
  void restore(const corev1::Pod& pod, const Behaviour& behaviour, int64_t now);
  void restore_container(size_t at, const corev1::ContainerStatus& status, const Behaviour& behaviour, int64_t now);
  bool step(const Behaviour& behaviour, int64_t now);
  void create(size_t at, const Behaviour& behaviour, int64_t now);
  void start(size_t at, const Behaviour& behaviour, int64_t now);
  void plan(size_t at, const Behaviour& behaviour);
  void end(size_t at, const Behaviour& behaviour, int64_t now);
  bool begin_next(const Behaviour& behaviour, int64_t now);
  void finish(int64_t now, bool completed);
  void see_deletion(const corev1::Pod& pod, const Behaviour& behaviour, int64_t now);
  void see_deadline(const corev1::Pod& pod, int64_t now);
  void see_end(int64_t now);

  std::vector<HollowContainer> containers_;  // init containers first
  std::vector<Dice> dice_;                   // one a container
  int64_t accepted_, advanced_ = 0;
  int64_t stop_due_ = 0, deadline_ = 0;
  bool initialized_ = false, over_ = false, past_deadline_ = false;
  bool completes_ = false;  // it works towards an end: to be stopped is then no success
};

}  // namespace gantry::sim
