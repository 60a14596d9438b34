// For tests of exec: StartExec that runs a local process.
#pragma once

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "core/apiserver/streams/remote_command.hpp"

namespace gantry::streams {

class ProcessSession : public client::ExecSession {
 public:
  explicit ProcessSession(pid_t pid, std::function<void(Expected<int>)> exited) : pid_(pid) {
    waiter_ = std::thread([this, exited = std::move(exited)] {
      int status = 0;
      ::waitpid(pid_, &status, 0);
      exited(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    });
  }
  ~ProcessSession() override {
    ::kill(pid_, SIGKILL);
    waiter_.join();
  }
  void resize(uint16_t columns, uint16_t rows) override { size = std::to_string(columns) + "x" + std::to_string(rows); }
  std::string size;

 private:
  pid_t pid_;
  std::thread waiter_;
};

inline StartExec run_process(std::vector<std::string> command) {
  return [command](int in, int out, int err,
                   std::function<void(Expected<int>)> exited) -> Expected<std::unique_ptr<client::ExecSession>> {
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_t pid = ::fork();
    if (pid == 0) {
      if (in >= 0) ::dup2(in, 0);
      if (out >= 0) ::dup2(out, 1);
      if (err >= 0) ::dup2(err, 2);
      sigset_t none;
      sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    for (int fd : {in, out, err}) {
      if (fd >= 0) ::close(fd);
    }
    if (pid < 0) return Status::internal("fork");
    return std::unique_ptr<client::ExecSession>(new ProcessSession(pid, std::move(exited)));
  };
}

}  // namespace gantry::streams
