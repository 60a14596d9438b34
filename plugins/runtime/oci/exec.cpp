#include "exec.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <utility>

#include "bridge.hpp"
#include "oci_tool.hpp"

namespace gantry::oci {
namespace {

// How long a cancelled command is given to say which process it is.
constexpr int kEndTries = 200;
constexpr std::chrono::milliseconds kEndPause(10);

void remove_files(const ExecTarget& target) {
  std::error_code ignored;
  for (const auto& file : {target.process, target.pidfile, target.log}) fs::remove(file, ignored);
}

// The runtime writes the pid file once the command runs: without one it never did, and the runtime's log says why.
Status outcome(const ExecTarget& target) {
  std::error_code ignored;
  if (fs::exists(target.pidfile, ignored)) return {};
  const auto log = read_file(target.log);
  const auto why = log ? OciTool::message_of(*log) : std::string();
  return Status::internal("failed to exec in container: " + (why.empty() ? "the OCI runtime failed" : why));
}

// The number may be another's by now: only a process in the container's cgroup is the command.
void kill_command(const ExecTarget& target) {
  const auto process = process_of(read_pid(target.pidfile));
  const auto cgroup = read_file("/proc/" + std::to_string(process.pid) + "/cgroup");
  if (cgroup && cgroup->find(target.container) != std::string::npos) signal_process(process, SIGKILL);
}

// The terminal that the command itself has, when its standard input is one. Looked at before it is opened: opening some
// other device of a container's choice could do something.
Fd inner_terminal(const ExecTarget& target) {
  const auto path = "/proc/" + std::to_string(read_pid(target.pidfile)) + "/fd/0";
  const Fd seen(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat info {};
  constexpr unsigned kFirstPts = 136, kLastPts = 143;
  if (!seen || ::fstat(seen.get(), &info) < 0 || !S_ISCHR(info.st_mode) || major(info.st_rdev) < kFirstPts ||
      major(info.st_rdev) > kLastPts) {
    return {};
  }
  const auto again = "/proc/self/fd/" + std::to_string(seen.get());
  return Fd(::open(again.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

struct Execs::Session : std::enable_shared_from_this<Session> {
  uint64_t id = 0;
  ExecTarget target;
  Exited exited;
  pid_t pid = 0;
  Fd pidfd;
  int terminal = -1;  // the bridge's, until the end: under the lock
  // The loop's own.
  uint64_t source = 0;  // of pidfd, until the process has ended
  std::unique_ptr<Bridge> bridge;
  bool ending = false, finished = false;
};

Execs::~Execs() {
  std::unique_lock lock(mutex_);
  for (const auto& [id, session] : sessions_) loop_.post([this, session = session] { end(session, kEndTries); });
  quiet_.wait(lock, [this] { return sessions_.empty(); });
}

Expected<ExecOutput> Execs::collect(const ExecTarget& target, std::chrono::seconds timeout, size_t limit) {
  const auto wait = timeout.count() > 0 ? std::chrono::milliseconds(timeout) : std::chrono::hours(24 * 365);
  auto ran = run(target.arguments, wait, {}, limit);
  if (!ran && ran.error().code() == 504) {
    kill_command(target);
    remove_files(target);
    return Status::timeout("command timed out after " + std::to_string(timeout.count()) + "s");
  }
  auto status = ran ? outcome(target) : ran.error();
  remove_files(target);
  if (!status.ok()) return status;
  return ExecOutput{std::move(ran->out), std::move(ran->err), ran->code};
}

Expected<uint64_t> Execs::start(ExecTarget target, bool tty, Fd in, Fd out, Fd err, Exited exited) {
  auto session = std::make_shared<Session>();
  session->target = std::move(target);
  session->exited = std::move(exited);
  Spawn what;
  what.arguments = session->target.arguments;
  if (tty) {
    auto terminal = open_terminal();
    if (!terminal) {
      remove_files(session->target);
      return terminal.error();
    }
    what.new_session = true;
    what.terminal = terminal->name;
    session->terminal = terminal->master.get();
    session->bridge = std::make_unique<Bridge>(loop_, std::move(*terminal), std::move(in), std::move(out),
                                               [this, raw = session.get()] { finish(raw->shared_from_this()); });
  } else {
    if (in) what.descriptors.emplace_back(in.get(), 0);
    if (out) what.descriptors.emplace_back(out.get(), 1);
    if (err) what.descriptors.emplace_back(err.get(), 2);
  }
  const auto pid = spawn(what);
  if (!pid) {
    remove_files(session->target);
    return pid.error();
  }
  session->pid = *pid;
  session->pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  if (!session->pidfd) {
    const auto failed = errno_status("pidfd_open");
    ::kill(*pid, SIGKILL);
    wait_exit(*pid);
    remove_files(session->target);
    return failed;
  }
  const std::scoped_lock lock(mutex_);
  session->id = next_++;
  sessions_[session->id] = session;
  loop_.post([this, session] { watch(session); });
  return session->id;
}

void Execs::watch(const SessionPtr& session) {
  session->source = loop_.add(session->pidfd.get(), [this, session](uint32_t) { process_ended(session); });
  loop_.wait_for(session->source, EPOLLIN);
  if (session->bridge) session->bridge->start();
}

void Execs::process_ended(const SessionPtr& session) {
  loop_.remove(std::exchange(session->source, 0));
  session->bridge && !session->ending ? session->bridge->process_ended() : finish(session);
}

void Execs::finish(const SessionPtr& session) {
  if (std::exchange(session->finished, true)) return;
  const int code = wait_exit(session->pid);
  const auto status = outcome(session->target);
  remove_files(session->target);
  {
    const std::scoped_lock lock(mutex_);
    session->terminal = -1;
  }
  session->bridge.reset();
  session->exited(status, code);
  const std::scoped_lock lock(mutex_);
  sessions_.erase(session->id);
  if (sessions_.empty()) quiet_.notify_all();
}

// The runtime says which process the command is shortly after it runs: killed before, it would leave the command
// behind.
void Execs::end(const SessionPtr& session, int tries) {
  if (session->finished || (session->ending && tries == kEndTries)) return;
  session->ending = true;
  if (session->bridge) session->bridge->stop();
  if (session->source == 0) return finish(session);
  std::error_code ignored;
  if (tries > 0 && !fs::exists(session->target.pidfile, ignored)) {
    return loop_.after(kEndPause, [this, session, tries] { end(session, tries - 1); });
  }
  kill_command(session->target);
  ::syscall(SYS_pidfd_send_signal, session->pidfd.get(), SIGKILL, nullptr, 0);
}

void Execs::resize(uint64_t id, uint16_t columns, uint16_t rows) {
  const std::scoped_lock lock(mutex_);
  const auto it = sessions_.find(id);
  if (it == sessions_.end() || it->second->terminal < 0) return;
  struct winsize size {};
  size.ws_col = columns;
  size.ws_row = rows;
  // The OCI runtime carries the size over at its start and by a signal; the command's own terminal is told at once as
  // well.
  ::ioctl(it->second->terminal, TIOCSWINSZ, &size);
  if (const auto inner = inner_terminal(it->second->target)) ::ioctl(inner.get(), TIOCSWINSZ, &size);
}

void Execs::cancel(uint64_t id) {
  const std::scoped_lock lock(mutex_);
  const auto it = sessions_.find(id);
  if (it != sessions_.end()) loop_.post([this, session = it->second] { end(session, kEndTries); });
}

}  // namespace gantry::oci
