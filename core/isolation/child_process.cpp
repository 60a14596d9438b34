#include "core/isolation/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "core/isolation/pidfd.hpp"

namespace gantry::isolation {
namespace {

// The attributes of posix_spawn, which need to be destroyed.
class SpawnSettings {
 public:
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    // A group of its own: Ctrl-C at a terminal ends the daemon, which ends its plugins in order.
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::string named_signal(int number) {
  const char* name = ::sigabbrev_np(number);
  return name == nullptr ? "signal " + std::to_string(number) : std::string("SIG") + name;
}

}  // namespace

Expected<ChildProcess> ChildProcess::spawn(const std::filesystem::path& executable, const Fd& control, const Fd& main) {
  // Above 4, so that neither dup2 overwrites the other's source.
  const Fd high_control(::fcntl(control.get(), F_DUPFD_CLOEXEC, 5));
  const Fd high_main(::fcntl(main.get(), F_DUPFD_CLOEXEC, 5));
  if (!high_control || !high_main)
    return Status::internal(std::string("duplicating descriptors: ") + std::strerror(errno));
  SpawnSettings settings;
  ::posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&settings.actions, high_control.get(), 3);
  ::posix_spawn_file_actions_adddup2(&settings.actions, high_main.get(), 4);
  ::posix_spawn_file_actions_addclosefrom_np(&settings.actions, 5);
  const std::string parent = std::to_string(::getpid());
  std::string program = executable.string();
  char* const arguments[] = {program.data(), const_cast<char*>(parent.c_str()), nullptr};
  pid_t pid = -1;
  const int failure = ::posix_spawn(&pid, program.c_str(), &settings.actions, &settings.attributes, arguments, environ);
  if (failure != 0) return Status::internal("starting " + program + ": " + std::strerror(failure));
  Fd pidfd = open_pidfd(pid);
  if (!pidfd) {
    const int problem = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return Status::internal(std::string("pidfd_open: ") + std::strerror(problem));
  }
  return ChildProcess(pid, std::move(pidfd));
}

ChildProcess::~ChildProcess() {
  if (!pidfd_) return;
  kill();
  reap();
}

bool ChildProcess::join_group(const std::filesystem::path& cgroup_dir, const std::string& name, uint64_t limit) {
  if (cgroup_dir.empty()) return false;
  auto group = MemoryGroup::create(cgroup_dir, name, limit);
  if (!group || !group->add(pid_)) return false;
  group_.emplace(std::move(*group));
  return true;
}

void ChildProcess::kill() {
  if (pidfd_) kill_pidfd(pidfd_);
}

std::string ChildProcess::reap() {
  siginfo_t info{};
  int result;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED);
  } while (result != 0 && errno == EINTR);
  pidfd_.reset();
  const bool ran_out = group_ && group_->ran_out();
  group_.reset();
  if (result != 0) return "lost";
  const bool exited = info.si_code == CLD_EXITED;
  if (ran_out || (exited && info.si_status == kExitOutOfMemory)) return "ended: it reached its memory limit";
  if (exited && info.si_status == kExitDisconnected) return "closed its connection to the daemon";
  if (exited) return "exited with status " + std::to_string(info.si_status);
  return "killed by " + named_signal(info.si_status);
}

}  // namespace gantry::isolation
