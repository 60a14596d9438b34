// conmon and the OCI runtime: the only programs, besides pause, that this plugin runs. No state that changes; any
// thread.
#pragma once

#include <string>
#include <vector>

#include "process.hpp"

namespace gantry::oci {

struct ToolPaths {
  std::string conmon = "conmon";
  fs::path state;    // the OCI runtime's own folder (--root)
  fs::path sockets;  // conmon's
  int64_t log_size_max = 0;
};

// Where one container's files are.
struct Bundle {
  std::string id, runtime;
  fs::path folder;   // config.json, and conmon's fifos
  fs::path monitor;  // folder for conmon: exit code, "oom", pid files
  std::string log;   // empty: no log
  bool tty = false, stdin_open = false, stdin_once = false;
};

class OciTool {
 public:
  explicit OciTool(ToolPaths paths) : paths_(std::move(paths)) {}

  // The path of a program from PATH; nothing when there is none.
  static std::string find_program(const std::string& name);
  // Of the candidates (each tried below `cgroup`, which the caller removes) the first that runs a container on this
  // host; an error that says what each one said.
  Expected<std::string> choose(const std::vector<std::string>& candidates, const fs::path& pause,
                               const fs::path& scratch, const std::string& cgroup) const;

  // conmon, and the container created but not started. Gives conmon's and the container's processes.
  struct Created {
    Process conmon, init;
  };
  Expected<Created> create(const Bundle& bundle) const;
  Status start(const Bundle& bundle) const;
  // Kills what is left of it and removes the runtime's state; success when there is none.
  Status remove(const std::string& runtime, const std::string& id) const;
  Status update(const std::string& runtime, const std::string& id, const std::string& resources) const;
  // Still waiting for start: its main process is the runtime's, not yet the container's.
  bool waits_for_start(const std::string& runtime, const std::string& id, const Process& init) const;

  std::vector<std::string> exec_arguments(const std::string& runtime, const std::string& id, const fs::path& process,
                                          const fs::path& pidfile, const fs::path& log) const;
  // The message of the last error a runtime logged as JSON; else what it wrote.
  static std::string message_of(const std::string& text);
  static Expected<std::string> version(const std::string& runtime);

 private:
  std::vector<std::string> command(const std::string& runtime, std::vector<std::string> rest) const;
  const ToolPaths paths_;
};

}  // namespace gantry::oci
