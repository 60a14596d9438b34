// Processes: starting the tools this plugin needs (conmon, the OCI runtime, pause), and knowing one again after a
// restart.
//
// A process is known by its id, its start time and the machine's boot id, so that a reused number is never taken for
// it. No state; any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "files.hpp"

namespace gantry::oci {

struct Process {
  pid_t pid = 0;
  uint64_t start_ticks = 0;
  std::string boot_id;
  bool operator==(const Process&) const = default;
};

// The process that has this id now; pid 0 when there is none.
Process process_of(pid_t pid);
// It runs (a zombie does not).
bool alive(const Process& process);
// A pidfd of exactly this process, or none.
Fd open_process(const Process& process);
// True when it was there to be signalled.
bool signal_process(const Process& process, int signal);
// The process whose command line has this argument; pid 0 when there is none. For what a crash left without a pid file.
std::vector<Process> processes_with_argument(const std::string& program, const std::string& argument);
// Those whose command line has this text anywhere, but for this process.
std::vector<Process> processes_naming(const std::string& text);
// From a pid file; pid 0 when it is missing or damaged.
pid_t read_pid(const fs::path& path);

struct Spawn {
  std::vector<std::string> arguments;    // [0] is the program, searched in PATH
  std::vector<std::string> environment;  // added to PATH only: nothing of the daemon's reaches the tools
  // {ours, theirs}: descriptor `ours` becomes `theirs`. 0, 1, 2 are /dev/null otherwise; nothing else is inherited.
  std::vector<std::pair<int, int>> descriptors;
  std::string directory;  // to run in; empty: "/", never wherever the daemon was started
  bool new_session = false;
  std::string terminal;  // of a new session: becomes its controlling terminal and 0, 1, 2
};
Expected<pid_t> spawn(const Spawn& what);
// Exit code, 128+n for signal n. Waits.
int wait_exit(pid_t pid);

struct Ran {
  int code = 0;
  std::string out, err;  // at most `limit` each
};
// Runs to the end; after `timeout` it is killed and the answer is a Timeout.
Expected<Ran> run(const std::vector<std::string>& arguments, std::chrono::milliseconds timeout,
                  std::string_view input = {}, size_t limit = 1u << 20);

}  // namespace gantry::oci
