/* pause: holds the namespaces of one pod, and reaps its orphans when the pod shares a PID namespace.
 *
 * Started by the oci plugin; detaches itself, so that it lives on when the daemon ends. Says "ok PID" or "error: WHY"
 * on descriptor 3 and then keeps nothing of the host: its root is an empty read-only file system, its user is nobody,
 * it has no capability.
 *
 *   pause [--net PIN] [--ipc] [--uts] [--pid] [--hostname NAME] [--default-sysctl PATH=VALUE]...
 *         [--sysctl PATH=VALUE]... [--cgroup PROCS_FILE]... --root DIR --pidfile FILE
 *   pause --trial     ends at once with 0: to see whether an OCI runtime can run a container on this host
 *
 * A default sysctl that this kernel does not know or allow is passed over.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_FD = 3, NOBODY = 65534, MAX_LIST = 64 };

struct options {
  int namespaces;
  const char *pin, *hostname, *root, *pidfile;
  const char* sysctls[MAX_LIST];
  int may_fail[MAX_LIST]; /* by sysctl */
  const char* cgroups[MAX_LIST];
  int sysctl_count, cgroup_count;
};

static void say(int fd, const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof text - 1) length = (int)sizeof text - 1;
  if (write(fd, text, (size_t)length) < 0) _exit(3);
}

static void die(int fd, const char* what) {
  say(fd, "error: %s: %s", what, strerror(errno));
  _exit(1);
}

static int write_file(const char* path, const char* text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t written = write(fd, text, strlen(text));
  int failed = errno;
  close(fd);
  errno = failed;
  return written < 0 ? -1 : 0;
}

static const char* value_of(int argc, char** argv, int* i) {
  if (*i + 1 >= argc) {
    errno = EINVAL;
    die(STATUS_FD, argv[*i]);
  }
  return argv[++*i];
}

static void parse(int argc, char** argv, struct options* o) {
  for (int i = 1; i < argc; i++) {
    const char* a = argv[i];
    if (strcmp(a, "--net") == 0) {
      o->namespaces |= CLONE_NEWNET;
      o->pin = value_of(argc, argv, &i);
    } else if (strcmp(a, "--ipc") == 0) {
      o->namespaces |= CLONE_NEWIPC;
    } else if (strcmp(a, "--uts") == 0) {
      o->namespaces |= CLONE_NEWUTS;
    } else if (strcmp(a, "--pid") == 0) {
      o->namespaces |= CLONE_NEWPID;
    } else if (strcmp(a, "--hostname") == 0) {
      o->hostname = value_of(argc, argv, &i);
    } else if (strcmp(a, "--root") == 0) {
      o->root = value_of(argc, argv, &i);
    } else if (strcmp(a, "--pidfile") == 0) {
      o->pidfile = value_of(argc, argv, &i);
    } else if (strcmp(a, "--sysctl") == 0 && o->sysctl_count < MAX_LIST) {
      o->sysctls[o->sysctl_count++] = value_of(argc, argv, &i);
    } else if (strcmp(a, "--default-sysctl") == 0 && o->sysctl_count < MAX_LIST) {
      o->may_fail[o->sysctl_count] = 1;
      o->sysctls[o->sysctl_count++] = value_of(argc, argv, &i);
    } else if (strcmp(a, "--cgroup") == 0 && o->cgroup_count < MAX_LIST) {
      o->cgroups[o->cgroup_count++] = value_of(argc, argv, &i);
    } else {
      errno = EINVAL;
      die(STATUS_FD, a);
    }
  }
  if (o->root == NULL || o->pidfile == NULL) {
    errno = EINVAL;
    die(STATUS_FD, "--root and --pidfile");
  }
}

static void loopback_up(int out) {
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (s < 0) s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, "lo");
  if (s < 0 || ioctl(s, SIOCGIFFLAGS, &request) < 0) die(out, "loopback");
  request.ifr_flags |= IFF_UP;
  if (ioctl(s, SIOCSIFFLAGS, &request) < 0) die(out, "loopback up");
  close(s);
}

/* Settings of the new namespaces, while this process may still write them. */
static void set_up(const struct options* o, int out) {
  if (o->namespaces & CLONE_NEWNET) loopback_up(out);
  if ((o->namespaces & CLONE_NEWUTS) && o->hostname != NULL && sethostname(o->hostname, strlen(o->hostname)) < 0) {
    die(out, "hostname");
  }
  for (int i = 0; i < o->sysctl_count; i++) {
    char path[512];
    const char* equals = strchr(o->sysctls[i], '=');
    if (equals == NULL || equals - o->sysctls[i] >= (long)sizeof path) {
      errno = EINVAL;
      die(out, "sysctl");
    }
    memcpy(path, o->sysctls[i], (size_t)(equals - o->sysctls[i]));
    path[equals - o->sysctls[i]] = 0;
    if (write_file(path, equals + 1) < 0 && !o->may_fail[i]) die(out, path);
  }
}

/* All sysfs mounts of a network namespace are one file system, read-only for everybody if its first mount was. This
 * one comes first, is writable, and is nowhere in a tree: open while the pod lives. -1 where the kernel has none. */
static int hold_sysfs(void) {
  int context = (int)syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int held = -1;
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
    held =
        (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  }
  close(context);
  return held;
}

/* The host's file systems are left behind: a container that sees this process must not reach them through
 * /proc/PID/root, and no mount of the host may stay busy because of it. */
static void leave_host(const struct options* o, int out) {
  if (unshare(CLONE_NEWNS) < 0) die(out, "mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) die(out, "private mounts");
  if (mount("pause", o->root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2,mode=555") < 0) {
    die(out, "empty root");
  }
  if (chdir(o->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) {
    die(out, "pivot_root");
  }
  if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
    die(out, "read-only root");
  }
}

static void drop_privileges(int out) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) die(out, "no_new_privs");
  if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0) {
    die(out, "user");
  }
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void on_signal(int signal_number) {
  (void)signal_number;
  _exit(0);
}

/* Waits for ever; as PID 1 of a shared namespace it is the parent of every orphan. */
static void wait_for_end(void) {
  struct sigaction end;
  memset(&end, 0, sizeof end);
  end.sa_handler = on_signal;
  sigaction(SIGTERM, &end, NULL);
  sigaction(SIGINT, &end, NULL);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, NULL);
  for (;;) {
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    int which;
    sigwait(&children, &which);
  }
}

static void be_pause(const struct options* o, int out) {
  set_up(o, out);
  int sysfs = (o->namespaces & CLONE_NEWNET) ? hold_sysfs() : -1;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) die(out, "/dev/null");
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  leave_host(o, out);
  drop_privileges(out);
  if (dup2(out, STATUS_FD) < 0) _exit(1);
  if (sysfs >= 0 && dup2(sysfs, STATUS_FD + 1) < 0) _exit(1);
  syscall(SYS_close_range, STATUS_FD + (sysfs >= 0 ? 2 : 1), ~0U, 0);
  say(STATUS_FD, "ok");
  close(STATUS_FD);
  wait_for_end();
}

static void write_pidfile(const struct options* o, pid_t pid) {
  char text[32];
  int length = snprintf(text, sizeof text, "%d", (int)pid);
  int fd = open(o->pidfile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, text, (size_t)length) != length) {
    int failed = errno;
    kill(pid, SIGKILL);
    errno = failed;
    die(STATUS_FD, "pidfile");
  }
  close(fd);
}

static void pin(const struct options* o) {
  int fd = open(o->pin, O_CREAT | O_RDONLY | O_CLOEXEC, 0600);
  if (fd < 0) die(STATUS_FD, o->pin);
  close(fd);
  if (mount("/proc/self/ns/net", o->pin, NULL, MS_BIND, NULL) < 0) die(STATUS_FD, "pinning the network namespace");
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--trial") == 0) return 0;
  struct options o;
  memset(&o, 0, sizeof o);
  parse(argc, argv, &o);
  setsid();
  for (int i = 0; i < o.cgroup_count; i++) {
    if (write_file(o.cgroups[i], "0") < 0) die(STATUS_FD, o.cgroups[i]);
  }
  if (unshare(o.namespaces) < 0) die(STATUS_FD, "namespaces");
  if (o.pin != NULL) pin(&o);

  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0) die(STATUS_FD, "pipe");
  pid_t child = fork();
  if (child < 0) die(STATUS_FD, "fork");
  if (child == 0) {
    close(ready[0]);
    close(STATUS_FD);
    be_pause(&o, ready[1]);
  }
  close(ready[1]);
  write_pidfile(&o, child);
  char answer[512];
  ssize_t length = read(ready[0], answer, sizeof answer - 1);
  if (length <= 0) {
    say(STATUS_FD, "error: pause ended early");
    return 1;
  }
  answer[length] = 0;
  if (strcmp(answer, "ok") != 0) {
    say(STATUS_FD, "%s", answer);
    return 1;
  }
  say(STATUS_FD, "ok %d", (int)child);
  return 0;
}
