// Control groups of v1, v2 and hybrid hosts behind one name: "/pods/podX/ID" is a folder in every hierarchy.
//
// Read once from /proc/self/mounts; then constant. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "files.hpp"

namespace gantry::oci {

class Cgroups {
 public:
  static Cgroups of_host();

  // Pure v2: no controller is mounted as v1.
  bool unified() const { return v1_.empty(); }
  // The folder of a cgroup in the hierarchy of a v1 controller or, where that is not mounted, in v2; empty when neither
  // is.
  fs::path dir(const std::string& controller, const std::string& cgroup) const;
  // Makes it everywhere; the files to which a process is to be written so that it joins.
  Expected<std::vector<std::string>> make(const std::string& cgroup) const;
  bool exists(const std::string& cgroup) const;
  Status add(const std::string& cgroup, pid_t pid) const;
  // Every process in it and below.
  std::vector<pid_t> processes(const std::string& cgroup) const;
  // Kills until it is empty; an error when processes resist for 10 s.
  Status kill_all(const std::string& cgroup) const;
  // Kills, then removes it with everything below; success when it is gone.
  Status remove(const std::string& cgroup) const;
  // Removes it where nothing is in it.
  void remove_if_empty(const std::string& cgroup) const;
  // Out-of-memory kills that happened in it.
  int64_t oom_kills(const std::string& cgroup) const;
  bool has_swap_accounting() const;

  struct Stats {
    uint64_t cpu_ns = 0, memory_usage = 0, memory_limit = 0, inactive_file = 0, rss = 0, page_faults = 0,
             major_faults = 0;
    bool found = false;
  };
  Stats stats(const std::string& cgroup) const;

 private:
  std::vector<fs::path> roots() const;
  std::map<std::string, fs::path> v1_;  // controller (or "name=x") -> mount point
  fs::path v2_;                         // empty when not mounted
};

}  // namespace gantry::oci
