// gantry_tasks in the plugin's process: threads made when needed, kept for the next task. Any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

#include "gantry/abi/base.h"

namespace gantry::isolation {

class Tasks {
 public:
  gantry_code run(void (*fn)(void*), void* context);
  // Waits until none waits or runs.
  void drain();

 private:
  struct Task {
    void (*fn)(void*);
    void* context;
  };
  void work();

  std::mutex mutex_;
  std::condition_variable work_, done_;
  std::deque<Task> waiting_;
  size_t open_ = 0, threads_ = 0, idle_ = 0;
};

// Starts a thread that ends with the process, with a stack that fits a memory limit. False when there can be none.
bool start_thread(void* (*run)(void*), void* argument);

}  // namespace gantry::isolation
