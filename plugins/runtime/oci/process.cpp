#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace gantry::oci {
namespace {

std::string boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id");
  if (!text) return {};
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return *text;
}

// State letter and start time of /proc/PID/stat. The name in parentheses may hold anything, so fields count from its
// end.
bool read_stat(pid_t pid, char& state, uint64_t& start) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return false;
  auto at = text->rfind(')');
  if (at == std::string::npos || at + 2 >= text->size()) return false;
  state = (*text)[at + 2];
  at += 2;
  for (int field = 3; field < 22; field++) {
    at = text->find(' ', at);
    if (at == std::string::npos) return false;
    at++;
  }
  start = std::strtoull(text->c_str() + at, nullptr, 10);
  return true;
}

}  // namespace

Process process_of(pid_t pid) {
  char state = 0;
  uint64_t start = 0;
  if (pid <= 0 || !read_stat(pid, state, start)) return {};
  return {pid, start, boot_id()};
}

bool alive(const Process& process) {
  char state = 0;
  uint64_t start = 0;
  if (process.pid <= 0 || !read_stat(process.pid, state, start)) return false;
  return state != 'Z' && state != 'X' && start == process.start_ticks && process.boot_id == boot_id();
}

Fd open_process(const Process& process) {
  if (process.pid <= 0) return {};
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  // The descriptor is of whoever has the number now: only when the start time still fits is it the one meant.
  if (fd && !alive(process)) return {};
  return fd;
}

bool signal_process(const Process& process, int signal) {
  const auto fd = open_process(process);
  return fd && ::syscall(SYS_pidfd_send_signal, fd.get(), signal, nullptr, 0) == 0;
}

std::vector<Process> processes_with_argument(const std::string& program, const std::string& argument) {
  std::vector<Process> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const auto line = read_file(entry.path() / "cmdline");
    if (!line) continue;
    const auto name = fs::path(line->substr(0, line->find('\0'))).filename();
    const auto delimited = std::string(1, '\0') + argument + std::string(1, '\0');
    if (name == program && line->find(delimited) != std::string::npos) found.push_back(process_of(pid));
  }
  return found;
}

std::vector<Process> processes_naming(const std::string& text) {
  std::vector<Process> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0 || pid == ::getpid()) continue;
    const auto line = read_file(entry.path() / "cmdline");
    if (line && line->find(text) != std::string::npos) found.push_back(process_of(pid));
  }
  return found;
}

pid_t read_pid(const fs::path& path) {
  const auto text = read_file(path, 64);
  return text ? std::atoi(text->c_str()) : 0;
}

Expected<pid_t> spawn(const Spawn& what) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  if (what.new_session) flags |= POSIX_SPAWN_SETSID;
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, flags);

  // Parked above every target first, so that no dup2 overwrites a source that is still needed.
  int highest = 2;
  std::vector<Fd> parked;
  for (const auto& [ours, theirs] : what.descriptors) highest = std::max(highest, theirs);
  std::array<bool, 3> given{};
  for (const auto& [ours, theirs] : what.descriptors) {
    parked.emplace_back(::fcntl(ours, F_DUPFD_CLOEXEC, highest + 1));
    if (theirs < 3) given[static_cast<size_t>(theirs)] = true;
  }
  const std::string standard = what.terminal.empty() ? "/dev/null" : what.terminal;
  for (int fd = 0; fd < 3; fd++) {
    if (!given[static_cast<size_t>(fd)]) posix_spawn_file_actions_addopen(&actions, fd, standard.c_str(), O_RDWR, 0);
  }
  for (size_t i = 0; i < parked.size(); i++) {
    posix_spawn_file_actions_adddup2(&actions, parked[i].get(), what.descriptors[i].second);
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, highest + 1);
  posix_spawn_file_actions_addchdir_np(&actions, what.directory.empty() ? "/" : what.directory.c_str());

  std::vector<std::string> environment = what.environment;
  const char* path = std::getenv("PATH");
  environment.push_back(std::string("PATH=") +
                        (path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  std::vector<char*> argv, envp;
  for (const auto& a : what.arguments) argv.push_back(const_cast<char*>(a.c_str()));
  for (const auto& e : environment) envp.push_back(const_cast<char*>(e.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return errno_status("start " + what.arguments[0], error);
  return pid;
}

int wait_exit(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return 255;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

namespace {

// One direction of a run: takes what has come, true when the other side is done.
bool drain(int fd, std::string& into, size_t limit) {
  std::array<char, 16384> chunk;
  const auto n = ::read(fd, chunk.data(), chunk.size());
  if (n < 0) return errno != EINTR && errno != EAGAIN;
  if (n > 0 && into.size() < limit) into.append(chunk.data(), std::min(static_cast<size_t>(n), limit - into.size()));
  return n == 0;
}

bool feed(int fd, std::string_view& input) {
  const auto n = ::send(fd, input.data(), input.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n > 0) input.remove_prefix(static_cast<size_t>(n));
  return input.empty() || (n < 0 && errno != EINTR && errno != EAGAIN);
}

struct Pipe {
  Fd read, write;
};
Expected<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return errno_status("pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}
// Input goes through a socket: a reader that is gone must not raise SIGPIPE in the daemon.
Expected<Pipe> make_input() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return errno_status("socketpair");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

Expected<Ran> run(const std::vector<std::string>& arguments, std::chrono::milliseconds timeout, std::string_view input,
                  size_t limit) {
  auto in = make_input(), out = make_pipe(), err = make_pipe();
  if (!in || !out || !err) return Status::internal("no descriptors left to run " + arguments[0]);
  Spawn what;
  what.arguments = arguments;
  what.descriptors = {{in->read.get(), 0}, {out->write.get(), 1}, {err->write.get(), 2}};
  const auto pid = spawn(what);
  if (!pid) return pid.error();
  const Fd exited(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  in->read.reset();
  out->write.reset();
  err->write.reset();
  if (input.empty()) in->write.reset();

  Ran ran;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  bool gone = false;
  // What outlives the program and holds its output open (conmon's children) is not waited for: once it exited, one more
  // pass.
  while (!gone) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      ::kill(*pid, SIGKILL);
      wait_exit(*pid);
      return Status::timeout(arguments[0] + " did not end in time");
    }
    std::array<pollfd, 4> fds = {pollfd{exited.get(), POLLIN, 0}, pollfd{out->read.get(), POLLIN, 0},
                                 pollfd{err->read.get(), POLLIN, 0}, pollfd{in->write.get(), POLLOUT, 0}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) break;
    gone = fds[0].revents != 0;
    if (fds[1].revents != 0 && drain(out->read.get(), ran.out, limit)) out->read.reset();
    if (fds[2].revents != 0 && drain(err->read.get(), ran.err, limit)) err->read.reset();
    if (fds[3].revents != 0 && feed(in->write.get(), input)) in->write.reset();
  }
  for (auto* side : {&out->read, &err->read}) {
    if (!*side) continue;
    ::fcntl(side->get(), F_SETFL, O_NONBLOCK);
    auto& text = side == &out->read ? ran.out : ran.err;
    for (;;) {
      const auto before = text.size();
      if (drain(side->get(), text, limit) || text.size() == before) break;
    }
  }
  ran.code = wait_exit(*pid);
  return ran;
}

}  // namespace gantry::oci
