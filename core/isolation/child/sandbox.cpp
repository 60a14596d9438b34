#include "core/isolation/child/sandbox.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <string_view>

#include "core/isolation/child_process.hpp"

namespace gantry::isolation {
namespace {

constexpr std::array<const char*, 59> kRefused = {
    // the tree of mounts, and other namespaces
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig",
    "fspick", "mount_setattr", "setns", "unshare", "open_by_handle_at", "quotactl", "quotactl_fd", "swapon", "swapoff",
    // other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd", "lookup_dcookie",
    // the kernel
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module", "bpf",
    "perf_event_open", "userfaultfd", "reboot", "iopl", "ioperm", "acct", "syslog", "vhangup", "nfsservctl", "uselib",
    "ustat", "sysfs", "_sysctl", "vm86", "vm86old", "modify_ldt",
    // the clock and the name of the machine
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "stime", "sethostname", "setdomainname",
    // keys
    "add_key", "request_key", "keyctl"};

void out_of_memory() {
  constexpr std::string_view kText = "gantry-plugin-host: the plugin has reached its memory limit\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(kExitOutOfMemory);
}

}  // namespace

bool leave_daemon(pid_t daemon) {
  // The signal is not sent for a parent that is gone before it is asked for.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != daemon) return false;
  ::close_range(5, ~0u, 0);
  for (const int fd : {3, 4}) {
    // What the plugin starts must not hold the connections open.
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return false;
  }
  ::signal(SIGPIPE, SIG_IGN);
  return true;
}

Status limit_address_space(uint64_t bytes) {
  if (bytes == 0) return {};
  // An arena a thread would take 64 MiB of address space each.
  ::mallopt(M_ARENA_MAX, 2);
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t limit = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) + bytes;
  const rlimit both = {limit, limit};
  if (::setrlimit(RLIMIT_AS, &both) != 0) return Status::internal(std::string("setrlimit: ") + std::strerror(errno));
  std::set_new_handler(&out_of_memory);
  return {};
}

Status restrict_calls(const std::vector<std::string>& allowed) {
  for (const auto& name : allowed) {
    if (std::find(kRefused.begin(), kRefused.end(), std::string_view(name)) == kRefused.end()) {
      return Status::invalid("seccomp_allow: " + name + " is not among the refused system calls");
    }
  }
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release);
  if (filter == nullptr) return Status::internal("seccomp_init failed");
  for (const char* name : kRefused) {
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) continue;
    const int number = seccomp_syscall_resolve_name(name);
    // What this machine does not have needs no rule.
    if (number == __NR_SCMP_ERROR || number < 0) continue;
    if (seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), number, 0) != 0) {
      return Status::internal(std::string("seccomp: no rule for ") + name);
    }
  }
  const int failure = seccomp_load(filter.get());
  if (failure != 0) return Status::internal(std::string("seccomp_load: ") + std::strerror(-failure));
  return {};
}

}  // namespace gantry::isolation
