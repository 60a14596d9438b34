// Where long work runs: threads of the API server's own, so that network threads, the store's writer and its notifier
// are left with what is short, and health checks and leases are answered whatever others ask for.
//
// Owned by the Environment. Under simulated time, where all goes in turns, work runs where it is asked for.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>

namespace gantry::apiserver {

// Documents up to this size are short work: decoding, checking and encoding one takes some hundred microseconds.
constexpr size_t kShortDocument = 16 << 10;

class Workers {
 public:
  using Work = std::function<void()>;
  // Runs work elsewhere, in order; must take all of it.
  using Executor = std::function<void(Work)>;

  // `executor`: null for threads of its own. `most_waiting`: requests that wait for a thread.
  Workers(Executor executor, size_t threads, size_t most_waiting);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // A request's work. False: too many wait, and it was not taken. [any-thread]
  bool begin(Work work);
  // Goes on with what has begun, which is never refused: there is one piece at most for each request and watch.
  // [any-thread]
  void go_on(Work work);
  // Whether the calling thread may take its time. [any-thread]
  static bool here();
  // Runs what waits and joins; later work runs at once, with whoever asks. Not from a worker. Idempotent.
  void stop();

 private:
  class Threads;
  void run(Work work, bool counted);

  const size_t most_waiting_;
  std::atomic<size_t> waiting_{0};
  std::unique_ptr<Threads> threads_;
  Executor executor_;
};

}  // namespace gantry::apiserver
