// Runs a program and collects what it prints; for tests. Any thread; blocks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace gantry::e2e {

struct Output {
  int code = -1;  // 128+n after signal n
  std::string out, err;
};

// Kills the program and answers 124 when `limit` is over. `input` goes to its standard input.
Output run(const std::vector<std::string>& command, std::chrono::seconds limit = std::chrono::seconds(60),
           const std::string& input = {});

// A program in the background, killed at the end of its scope.
class Background {
 public:
  // Output goes to a file.
  Background(const std::vector<std::string>& command, const std::string& output);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // The exit code (128+n); kills it and answers 124 when it takes longer.
  int wait(std::chrono::seconds limit);

 private:
  pid_t pid_ = -1;
};

// A TCP port of loopback that nobody listens on now.
int free_port();

// Asks again until it is true or the time is over. For conditions that nothing announces (the kernel's state).
bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit = std::chrono::seconds(30));

}  // namespace gantry::e2e
