// A real one-node cluster for tests: gantryd with its own folders, port, cgroup, bridge and address range, driven by
// kubectl.
//
// Needs root. Removes everything it made, also after a failure, and says what a test left behind.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/process.hpp"

namespace gantry::e2e {

class Cluster {
 public:
  // Makes the folders and the configuration; start() runs the daemon.
  Cluster();
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Starts gantryd and waits until the node is Ready.
  void start();
  void start_daemon();  // without waiting
  bool wait_ready(std::chrono::seconds limit = std::chrono::seconds(60));
  void stop();         // SIGTERM; containers go on
  void kill_daemon();  // SIGKILL
  int wait_for_end();  // of a daemon that ends by itself: its exit code, 128+n by a signal
  pid_t daemon_pid() const { return daemon_ ? daemon_->pid() : -1; }

  // kubectl against this cluster.
  Output kubectl(std::vector<std::string> arguments, const std::string& input = {},
                 std::chrono::seconds limit = std::chrono::seconds(60)) const;
  // The same, which must succeed; its output.
  std::string must(std::vector<std::string> arguments, const std::string& input = {},
                   std::chrono::seconds limit = std::chrono::seconds(60)) const;
  Output ctl(std::vector<std::string> arguments) const;
  std::string jsonpath(const std::vector<std::string>& object, const std::string& path) const;
  // Waits until it has this value; kubectl itself waits for values from 1.23 on.
  void wait_value(const std::vector<std::string>& object, const std::string& path, const std::string& value) const;
  // Applies a manifest, which must succeed.
  void apply(const std::string& manifest) const;
  // The test image, built once and imported: busybox, every applet in /bin.
  void import_image();
  static constexpr const char* kImage = "gantry.local/busybox:1.36";

  // Copies of the plugins in a folder of this cluster's own, and a table [plugins] that names it and has these keys;
  // before start().
  std::filesystem::path own_plugins(const std::string& keys) const;

  const std::filesystem::path& dir() const { return dir_; }
  std::filesystem::path kubeconfig() const { return dir_ / "kubeconfig"; }
  std::filesystem::path config() const { return dir_ / "gantry.toml"; }
  std::string daemon_log() const;
  // Processes of this cluster's containers and sandboxes: cgroup path to pids, the first process first.
  std::map<std::string, std::vector<pid_t>> container_pids() const;
  // What of this cluster is in the kernel now: conmon processes, mounts, cgroups, veth devices, network namespaces.
  std::vector<std::string> leftovers() const;

 private:
  void remove_everything();
  std::string cgroup_name() const;

  std::filesystem::path dir_;
  int port_ = 0;
  std::unique_ptr<Background> daemon_;
};

}  // namespace gantry::e2e
