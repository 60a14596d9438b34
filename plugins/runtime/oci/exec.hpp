// Commands that run inside containers, besides the containers' own: collected output, or streams and terminals of the
// host.
//
// A streaming exec holds no thread: the loop bridges its terminal (if it has one), sees its end and tells it. Any
// thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "loop.hpp"
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
  explicit Execs(Loop& loop) : loop_(loop) {}
  ~Execs();  // kills what runs and waits for it; not on the loop

  // At most `limit` bytes of each stream are kept. `timeout` 0 is none; after it the command is killed: a Timeout.
  static Expected<ExecOutput> collect(const ExecTarget& target, std::chrono::seconds timeout, size_t limit);

  // Told once, on the loop.
  using Exited = std::function<void(const Status& status, int code)>;
  Expected<uint64_t> start(ExecTarget target, bool tty, Fd in, Fd out, Fd err, Exited exited);
  void resize(uint64_t id, uint16_t columns, uint16_t rows);
  void cancel(uint64_t id);

 private:
  struct Session;
  using SessionPtr = std::shared_ptr<Session>;
  void watch(const SessionPtr& session);
  void process_ended(const SessionPtr& session);
  void finish(const SessionPtr& session);
  void end(const SessionPtr& session, int tries);

  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable quiet_;  // no session is left
  uint64_t next_ = 1;
  std::map<uint64_t, SessionPtr> sessions_;
};

}  // namespace gantry::oci
