// Commands that run inside containers, besides the containers' own: collected output, or streams and terminals of the
// host.
//
// Each streaming exec has one thread, which bridges its terminal (if it has one), waits for its end and tells it. Any
// thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "process.hpp"

namespace gantry::oci {

struct ExecTarget {
  std::string container;
  std::vector<std::string> arguments;  // of the OCI runtime
  fs::path process, pidfile, log;      // its files, removed afterwards
};

struct ExecOutput {
  std::string out, err;
  int code = 0;
};

class Execs {
 public:
  Execs() = default;
  ~Execs();  // kills what runs and waits for it

  // At most `limit` bytes of each stream are kept. `timeout` 0 is none; after it the command is killed: a Timeout.
  static Expected<ExecOutput> collect(const ExecTarget& target, std::chrono::seconds timeout, size_t limit);

  // Told once, on the exec's thread.
  using Exited = std::function<void(const Status& status, int code)>;
  Expected<uint64_t> start(ExecTarget target, bool tty, Fd in, Fd out, Fd err, Exited exited);
  void resize(uint64_t id, uint16_t columns, uint16_t rows);
  void cancel(uint64_t id);

 private:
  struct Session;
  void finish(const std::shared_ptr<Session>& session);
  static void end(Session& session);
  void reap();

  std::mutex mutex_;
  uint64_t next_ = 1;
  std::map<uint64_t, std::shared_ptr<Session>> sessions_;
  std::vector<std::thread> ended_;  // to be joined
};

}  // namespace gantry::oci
