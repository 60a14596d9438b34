#include "exec.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "bridge.hpp"
#include "oci_tool.hpp"

namespace gantry::oci {
namespace {

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

struct Execs::Session {
  uint64_t id = 0;
  ExecTarget target;
  Fd pidfd, cancelled;
  Bridge bridge;
  int terminal = -1;  // the bridge's, while the session is in the map
  pid_t pid = 0;
  Exited exited;
  std::thread thread;
};

Execs::~Execs() {
  std::vector<uint64_t> ids;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, session] : sessions_) ids.push_back(id);
  }
  for (const auto id : ids) cancel(id);
  for (;;) {
    std::thread one;
    {
      const std::scoped_lock lock(mutex_);
      if (!ended_.empty()) {
        one = std::move(ended_.back());
        ended_.pop_back();
      } else if (!sessions_.empty()) {
        one = std::move(sessions_.begin()->second->thread);
        if (!one.joinable()) continue;
      } else {
        return;
      }
    }
    one.join();
  }
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
  reap();
  auto session = std::make_shared<Session>();
  session->target = std::move(target);
  session->exited = std::move(exited);
  session->cancelled = Fd(::eventfd(0, EFD_CLOEXEC));
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
    session->bridge.terminal = std::move(terminal->master);
    session->bridge.in = std::move(in);
    session->bridge.out = std::move(out);
    session->terminal = session->bridge.terminal.get();
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
  session->bridge.process = session->pidfd.get();
  session->bridge.cancelled = session->cancelled.get();
  const std::scoped_lock lock(mutex_);
  session->id = next_++;
  sessions_[session->id] = session;
  session->thread = std::thread([this, session] { finish(session); });
  return session->id;
}

void Execs::finish(const std::shared_ptr<Session>& session) {
  // Writing to a reader that is gone must not end the daemon.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  if (session->bridge.terminal) {
    run_bridge(session->bridge);
  } else {
    std::array<pollfd, 2> fds = {pollfd{session->pidfd.get(), POLLIN, 0}, pollfd{session->cancelled.get(), POLLIN, 0}};
    while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
    }
  }
  pollfd cancelled{session->cancelled.get(), POLLIN, 0};
  if (::poll(&cancelled, 1, 0) > 0) end(*session);
  const int code = wait_exit(session->pid);
  const auto status = outcome(session->target);
  remove_files(session->target);
  {
    const std::scoped_lock lock(mutex_);
    session->terminal = -1;
  }
  session->bridge = {};
  session->exited(status, code);
  const std::scoped_lock lock(mutex_);
  const auto it = sessions_.find(session->id);
  if (it == sessions_.end()) return;
  if (session->thread.joinable()) ended_.push_back(std::move(session->thread));
  sessions_.erase(it);
}

// The runtime says which process the command is shortly after it runs: killed before, it would leave the command
// behind.
void Execs::end(Session& session) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  std::error_code ignored;
  pollfd ended{session.pidfd.get(), POLLIN, 0};
  while (!fs::exists(session.target.pidfile, ignored) && std::chrono::steady_clock::now() < deadline) {
    if (::poll(&ended, 1, 10) > 0) return;
  }
  kill_command(session.target);
  ::syscall(SYS_pidfd_send_signal, session.pidfd.get(), SIGKILL, nullptr, 0);
}

void Execs::reap() {
  std::vector<std::thread> done;
  {
    const std::scoped_lock lock(mutex_);
    done.swap(ended_);
  }
  for (auto& thread : done) thread.join();
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
  if (it != sessions_.end()) ::eventfd_write(it->second->cancelled.get(), 1);
}

}  // namespace gantry::oci
