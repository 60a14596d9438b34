// The OCI runtime configuration (config.json) of a container. No state; any thread.
#pragma once

#include <string>
#include <vector>

#include "cgroup.hpp"
#include "host_facts.hpp"
#include "image_store.hpp"
#include "records.hpp"

namespace gantry::oci {

struct SpecInput {
  const cri::ContainerConfig* config = nullptr;
  const SandboxRecord* sandbox = nullptr;
  const ImageConfig* image = nullptr;
  const HostFacts* host = nullptr;
  const Cgroups* cgroups = nullptr;
  User user;
  std::string cgroup;
  fs::path rootfs;
  fs::path shm;          // the pod's /dev/shm
  fs::path files;        // folder with the pod's hostname, hosts and resolv.conf
  pid_t target_pid = 0;  // for a PID namespace of another container
  int64_t pids_limit = 0;
  std::vector<cri::Mount> volumes;  // of the image
  // For variables whose values are no text: the program that sets them, and the file it finds them in. Empty: there
  // are none.
  fs::path with_env, env_file;
};

// Where a container finds them: in its own /dev, which is there in each.
constexpr const char* kWithEnv = "/dev/.gantry-with-env";
constexpr const char* kEnvFile = "/dev/.gantry-env";

// The variables that JSON can't carry, each with a NUL behind it: the content of env_file.
std::string byte_environment(const SpecInput& input);

Expected<std::string> make_spec(const SpecInput& input);

// process.json of an exec: the container's own process with another command.
Expected<std::string> make_exec_process(const std::string& spec, const std::vector<std::string>& command, bool tty);

// linux.resources, as `runc update` takes it too.
std::string make_resources(const cri::LinuxContainerResources& resources, const Cgroups& cgroups);

// The configuration with other resources, for a container that was not started yet.
Expected<std::string> with_resources(const std::string& spec, const cri::LinuxContainerResources& resources,
                                     const Cgroups& cgroups);

// Command and arguments after the image's have been considered.
Expected<std::vector<std::string>> command_line(const cri::ContainerConfig& config, const ImageConfig& image);

}  // namespace gantry::oci
