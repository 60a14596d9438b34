#include "cgroup.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <sstream>
#include <thread>

namespace gantry::oci {
namespace {

// "key value" lines.
uint64_t value_in(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  std::string name;
  uint64_t value = 0;
  while (lines >> name >> value) {
    if (name == key) return value;
  }
  return 0;
}

uint64_t number_in_file(const fs::path& path) {
  const auto text = read_file(path);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

void collect(const fs::path& dir, std::set<pid_t>& into) {
  if (const auto text = read_file(dir / "cgroup.procs")) {
    std::istringstream lines(*text);
    pid_t pid = 0;
    while (lines >> pid) into.insert(pid);
  }
  std::error_code error;
  for (auto it = fs::directory_iterator(dir, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored) && !it->is_symlink(ignored)) collect(it->path(), into);
  }
}

// Depth first: a cgroup goes only after those inside it.
bool remove_dirs(const fs::path& dir) {
  std::error_code error;
  for (auto it = fs::directory_iterator(dir, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored) && !it->is_symlink(ignored)) remove_dirs(it->path());
  }
  return ::rmdir(dir.c_str()) == 0 || errno == ENOENT;
}

}  // namespace

Cgroups Cgroups::of_host() {
  Cgroups found;
  const auto mounts = read_file("/proc/self/mounts");
  if (!mounts) return found;
  std::istringstream lines(*mounts);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string device, point, type, options;
    words >> device >> point >> type >> options;
    if (type == "cgroup2" && found.v2_.empty()) found.v2_ = point;
    if (type != "cgroup") continue;
    std::istringstream names(options);
    std::string name;
    static const std::set<std::string> known = {"cpu",     "cpuacct", "cpuset", "memory",   "devices",    "freezer",
                                                "net_cls", "blkio",   "pids",   "net_prio", "perf_event", "hugetlb"};
    while (std::getline(names, name, ',')) {
      if (known.contains(name) || name.starts_with("name=")) found.v1_.emplace(name, point);
    }
  }
  return found;
}

std::vector<fs::path> Cgroups::roots() const {
  std::vector<fs::path> all;
  for (const auto& [name, point] : v1_) {
    if (std::find(all.begin(), all.end(), point) == all.end()) all.push_back(point);
  }
  if (!v2_.empty()) all.push_back(v2_);
  return all;
}

fs::path Cgroups::dir(const std::string& controller, const std::string& cgroup) const {
  const auto it = v1_.find(controller);
  if (it != v1_.end()) return it->second.string() + cgroup;
  return v2_.empty() ? fs::path() : fs::path(v2_.string() + cgroup);
}

Expected<std::vector<std::string>> Cgroups::make(const std::string& cgroup) const {
  std::vector<std::string> files;
  for (const auto& root : roots()) {
    const fs::path dir = root.string() + cgroup;
    if (auto status = make_dirs(dir, 0755); !status.ok()) return std::move(status).in("cgroup");
    // A v1 cpuset takes no process before it has cpus and memory nodes, which come from above, level by level.
    if (v1_.contains("cpuset") && root == v1_.at("cpuset")) {
      auto level = root;
      for (const auto& part : fs::path(cgroup).relative_path()) {
        for (const auto* file : {"cpuset.cpus", "cpuset.mems"}) {
          const auto own = read_file(level / part / file);
          const auto above = read_file(level / file);
          if (own && above && own->find_first_not_of(" \n") == std::string::npos) {
            static_cast<void>(write_existing(level / part / file, *above));
          }
        }
        level /= part;
      }
    }
    files.push_back((dir / "cgroup.procs").string());
  }
  return files;
}

bool Cgroups::exists(const std::string& cgroup) const {
  std::error_code error;
  return std::ranges::any_of(roots(), [&](const fs::path& root) { return fs::exists(root.string() + cgroup, error); });
}

Status Cgroups::add(const std::string& cgroup, pid_t pid) const {
  const auto files = make(cgroup);
  if (!files) return files.error();
  for (const auto& file : *files) {
    if (auto status = write_existing(file, std::to_string(pid)); !status.ok()) return status;
  }
  return {};
}

std::vector<pid_t> Cgroups::processes(const std::string& cgroup) const {
  std::set<pid_t> all;
  for (const auto& root : roots()) collect(root.string() + cgroup, all);
  return {all.begin(), all.end()};
}

Status Cgroups::kill_all(const std::string& cgroup) const {
  using namespace std::chrono_literals;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  for (auto pause = 1ms;; pause = std::min(pause * 2, 50ms)) {
    const auto left = processes(cgroup);
    if (left.empty()) return {};
    for (const auto pid : left) ::kill(pid, SIGKILL);
    if (std::chrono::steady_clock::now() > deadline) {
      return Status::internal("processes in cgroup " + cgroup + " do not end");
    }
    std::this_thread::sleep_for(pause);
  }
}

Status Cgroups::remove(const std::string& cgroup) const {
  if (cgroup.size() < 2 || !exists(cgroup)) return {};
  using namespace std::chrono_literals;
  // The kernel frees a cgroup a moment after its last process ended.
  for (int attempt = 0;; attempt++) {
    if (auto status = kill_all(cgroup); !status.ok()) return status;
    bool gone = true;
    for (const auto& root : roots()) gone = remove_dirs(root.string() + cgroup) && gone;
    if (gone) return {};
    if (attempt == 100) return Status::internal("cgroup " + cgroup + " can't be removed");
    std::this_thread::sleep_for(20ms);
  }
}

void Cgroups::remove_if_empty(const std::string& cgroup) const {
  if (cgroup.size() < 2) return;
  for (const auto& root : roots()) ::rmdir((root.string() + cgroup).c_str());
}

int64_t Cgroups::oom_kills(const std::string& cgroup) const {
  const auto at = dir("memory", cgroup);
  const auto text = read_file(at / (v1_.contains("memory") ? "memory.oom_control" : "memory.events"));
  return text ? static_cast<int64_t>(value_in(*text, "oom_kill")) : 0;
}

bool Cgroups::has_swap_accounting() const {
  std::error_code error;
  const auto it = v1_.find("memory");
  if (it != v1_.end()) return fs::exists(it->second / "memory.memsw.limit_in_bytes", error);
  for (const auto& entry : fs::directory_iterator(v2_.empty() ? fs::path("/nonexistent") : v2_, error)) {
    if (fs::exists(entry.path() / "memory.swap.max", error)) return true;
  }
  return false;
}

Cgroups::Stats Cgroups::stats(const std::string& cgroup) const {
  Stats out;
  const auto memory = dir("memory", cgroup);
  const auto text = read_file(memory / "memory.stat");
  if (!text) return out;
  out.found = true;
  if (v1_.contains("memory")) {
    out.memory_usage = number_in_file(memory / "memory.usage_in_bytes");
    out.memory_limit = number_in_file(memory / "memory.limit_in_bytes");
    out.inactive_file = value_in(*text, "total_inactive_file");
    out.rss = value_in(*text, "total_rss");
    out.page_faults = value_in(*text, "total_pgfault");
    out.major_faults = value_in(*text, "total_pgmajfault");
  } else {
    out.memory_usage = number_in_file(memory / "memory.current");
    out.memory_limit = number_in_file(memory / "memory.max");
    out.inactive_file = value_in(*text, "inactive_file");
    out.rss = value_in(*text, "anon");
    out.page_faults = value_in(*text, "pgfault");
    out.major_faults = value_in(*text, "pgmajfault");
  }
  if (v1_.contains("cpuacct")) {
    out.cpu_ns = number_in_file(dir("cpuacct", cgroup) / "cpuacct.usage");
  } else if (const auto cpu = read_file(dir("cpu", cgroup) / "cpu.stat")) {
    out.cpu_ns = value_in(*cpu, "usage_usec") * 1000;
  }
  return out;
}

}  // namespace gantry::oci
