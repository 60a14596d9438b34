// The two system calls on pidfds, made directly: Debian 12's <sys/pidfd.h> can't be used from C++. Any thread.
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/isolation/fd.hpp"

namespace gantry::isolation {

inline Fd open_pidfd(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }
inline void kill_pidfd(const Fd& pidfd) { ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0); }

}  // namespace gantry::isolation
