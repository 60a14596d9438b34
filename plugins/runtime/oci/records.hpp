// What the runtime remembers of sandboxes and containers: value types, written to disk before and after each step that
// matters, so that an instance created after a crash knows what was done. A folder each: config.pb and record.json.
#pragma once

#include <string>
#include <vector>

#include "gantry/runtime.pb.h"
#include "process.hpp"
#include "user.hpp"

namespace gantry::oci {

struct SandboxRecord {
  enum class Phase { Creating, Ready, Stopped };
  std::string id;
  cri::PodSandboxConfig config;
  std::string handler;
  int64_t created_at = 0;
  Phase phase = Phase::Creating;
  Process pause;
  std::string cgroup;        // pause's and the conmons'
  bool made_parent = false;  // the pod's cgroup did not exist before: goes with the sandbox
  std::string netns;         // empty: the host's
};

struct ContainerRecord {
  enum class Phase { Created, Starting, Running, Exited };
  std::string id, sandbox_id;
  cri::ContainerConfig config;
  std::string image_id;
  std::string image_ref;  // repository@digest, or the id
  std::vector<std::string> layers;
  std::string log_path, cgroup;
  std::string runtime;  // the OCI runtime's program
  int stop_signal = 15;
  User user;
  int64_t created_at = 0, started_at = 0, finished_at = 0;
  Phase phase = Phase::Created;
  Process init, conmon;
  int exit_code = 0;
  std::string reason, message;
};

// `folder` exists. save() is atomic and durable; the configuration is written once.
Status save(const fs::path& folder, const SandboxRecord& record);
Status save(const fs::path& folder, const ContainerRecord& record);
Expected<SandboxRecord> load_sandbox(const fs::path& folder);
Expected<ContainerRecord> load_container(const fs::path& folder);

}  // namespace gantry::oci
