#include "core/node/machine/cgroups.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "core/files/unique_fd.hpp"

namespace gantry::node {
namespace {

namespace fs = std::filesystem;
constexpr const char* kClasses[] = {"", "/burstable", "/besteffort"};

Status cgroup_failed(const std::string& what, const fs::path& path) {
  return Status::internal(what + " " + path.string() + ": " + std::strerror(errno));
}

Status write_value(const fs::path& path, const std::string& text) {
  const io::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return cgroup_failed("open", path);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return cgroup_failed("write", path);
  return {};
}

// As the kubelet and runc convert shares for v2.
int64_t weight_of(int64_t shares) { return 1 + ((shares - 2) * 9999) / 262142; }

// What the parents hand down; a controller that can't be had is not needed by anyone below either.
void delegate(const fs::path& dir) {
  std::ifstream in(dir / "cgroup.controllers");
  for (std::string controller; in >> controller;) {
    static_cast<void>(write_value(dir / "cgroup.subtree_control", "+" + controller));
  }
}

Status set_v2(const fs::path& dir, const CgroupLimits& limits) {
  std::ifstream in(dir / "cgroup.controllers");
  const std::set<std::string> have{std::istream_iterator<std::string>(in), {}};
  if (have.contains("cpu")) {
    if (limits.cpu_shares > 0) {
      if (auto s = write_value(dir / "cpu.weight", std::to_string(weight_of(limits.cpu_shares))); !s.ok()) return s;
    }
    const std::string quota = limits.cpu_quota > 0 ? std::to_string(limits.cpu_quota) : "max";
    if (auto s = write_value(dir / "cpu.max", quota + " 100000"); !s.ok()) return s;
  }
  if (!have.contains("memory")) return {};
  return write_value(dir / "memory.max", limits.memory > 0 ? std::to_string(limits.memory) : "max");
}

Status set_v1(const std::string& controller, const fs::path& dir, const CgroupLimits& limits) {
  if (controller == "cpu") {
    if (limits.cpu_shares > 0) {
      if (auto s = write_value(dir / "cpu.shares", std::to_string(limits.cpu_shares)); !s.ok()) return s;
    }
    if (limits.cpu_quota > 0) {
      if (auto s = write_value(dir / "cpu.cfs_period_us", std::to_string(limits.cpu_period)); !s.ok()) return s;
      return write_value(dir / "cpu.cfs_quota_us", std::to_string(limits.cpu_quota));
    }
  }
  if (controller == "memory" && limits.memory > 0) {
    return write_value(dir / "memory.limit_in_bytes", std::to_string(limits.memory));
  }
  return {};
}

// A new cpuset of v1 has no cpus and could hold nothing.
void inherit_cpuset(const fs::path& dir) {
  for (const char* name : {"cpuset.cpus", "cpuset.mems"}) {
    std::string mine, above;
    std::getline(std::ifstream(dir / name) >> std::ws, mine);
    std::getline(std::ifstream(dir.parent_path() / name), above);
    if (mine.empty() && !above.empty()) static_cast<void>(write_value(dir / name, above));
  }
}

io::UniqueFd open_folder(int parent, const char* name) {
  return io::UniqueFd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::vector<std::string> folders_in(int folder) {
  std::vector<std::string> found;
  auto again = open_folder(folder, ".");
  DIR* const dir = ::fdopendir(again.get());
  if (dir == nullptr) return found;
  again.release();  // the stream closes it
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") found.emplace_back(name);
  }
  ::closedir(dir);
  return found;
}

// Deepest first: only folders can be removed from a cgroup file system, and only empty ones. A container that may make
// cgroups nests them as deep as it likes, beyond any path, stack or number of descriptors: so step by step down, and by
// ".." up again, which a cgroup keeps as long as it is open. The first error; what can go has gone all the same.
Status remove_tree(const fs::path& top) {
  auto at = open_folder(AT_FDCWD, top.c_str());
  if (!at.valid()) return errno == ENOENT ? Status() : cgroup_failed("open", top);
  std::vector<std::string> names;  // of the levels below the top
  std::vector<std::vector<std::string>> left{folders_in(at.get())};
  Status first;
  const auto shown = [&](const std::string& name) { return left.size() < 3 ? top / name : top / "..." / name; };
  const auto note = [&](const char* what, const std::string& name) {
    if (errno != ENOENT && first.ok()) first = cgroup_failed(what, shown(name));
  };
  while (!left.back().empty() || !names.empty()) {
    if (!left.back().empty()) {
      auto name = std::move(left.back().back());
      left.back().pop_back();
      auto next = open_folder(at.get(), name.c_str());
      if (!next.valid()) {
        note("open", name);
        continue;
      }
      at = std::move(next);
      left.push_back(folders_in(at.get()));
      names.push_back(std::move(name));
      continue;
    }
    at = open_folder(at.get(), "..");
    if (!at.valid()) return cgroup_failed("go up from", shown(names.back()));
    if (::unlinkat(at.get(), names.back().c_str(), AT_REMOVEDIR) != 0) note("remove", names.back());
    names.pop_back();
    left.pop_back();
  }
  if (first.ok() && ::rmdir(top.c_str()) != 0 && errno != ENOENT) return cgroup_failed("remove", top);
  return first;
}

}  // namespace

Cgroups::Mounts Cgroups::parse_mounts(const std::string& mountinfo) {
  Mounts out;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream left(line.substr(0, dash)), right(line.substr(dash + 3));
    std::string id, parent, device, root, point, type, source, options;
    left >> id >> parent >> device >> root >> point;
    right >> type >> source >> options;
    if (type == "cgroup2" && out.v2.empty()) out.v2 = point;
    if (type != "cgroup") continue;
    std::istringstream words(options);
    for (std::string word; std::getline(words, word, ',');) {
      const bool known =
          std::any_of(out.v1.begin(), out.v1.end(), [&](const auto& entry) { return entry.first == word; });
      if (!known && word != "rw" && word != "ro" && word != "xattr" && !word.starts_with("release_agent")) {
        out.v1.emplace_back(word, point);
      }
    }
  }
  return out;
}

Cgroups Cgroups::of_host(const std::string& root) {
  std::ifstream in("/proc/self/mountinfo");
  std::ostringstream text;
  text << in.rdbuf();
  return Cgroups(root, parse_mounts(text.str()));
}

std::vector<fs::path> Cgroups::hierarchies() const {
  std::set<fs::path> out;
  for (const auto& [controller, path] : mounts_.v1) out.insert(path);
  if (!mounts_.v2.empty()) out.insert(mounts_.v2);
  return {out.begin(), out.end()};
}

std::string Cgroups::pod_cgroup(const corev1::Pod& pod) const {
  const auto qos = qos_class(pod);
  const char* level = qos == QosClass::kGuaranteed ? "" : qos == QosClass::kBurstable ? "/burstable" : "/besteffort";
  return "/" + root_ + level + "/pod" + pod.metadata().uid();
}

Status Cgroups::make_level(const std::string& path, const CgroupLimits& limits) const {
  for (const auto& base : hierarchies()) {
    const fs::path dir = base.string() + path;
    if (::mkdir(dir.c_str(), 0755) != 0 && errno != EEXIST) return cgroup_failed("create cgroup", dir);
  }
  for (const auto& [controller, base] : mounts_.v1) {
    const fs::path dir = base.string() + path;
    if (controller == "cpuset") inherit_cpuset(dir);
    if (auto status = set_v1(controller, dir, limits); !status.ok()) return status;
  }
  if (mounts_.v2.empty()) return {};
  const fs::path dir = mounts_.v2.string() + path;
  return set_v2(dir, limits);
}

Status Cgroups::make(const corev1::Pod& pod) const {
  const std::string target = pod_cgroup(pod);
  if (unified()) delegate(mounts_.v2);
  // Every level above the pod, then the pod's own.
  for (size_t slash = target.find('/', 1); slash != std::string::npos; slash = target.find('/', slash + 1)) {
    CgroupLimits limits;
    if (target.compare(0, slash, "/" + root_ + "/besteffort") == 0) limits.cpu_shares = 2;
    if (auto status = make_level(target.substr(0, slash), limits); !status.ok()) return status;
    if (unified()) delegate(mounts_.v2.string() + target.substr(0, slash));
  }
  if (auto status = make_level(target, pod_limits(pod)); !status.ok()) return status;
  if (unified()) delegate(mounts_.v2.string() + target);
  return {};
}

Status Cgroups::remove(const std::string& pod_uid) const {
  Status first;
  for (const auto& base : hierarchies()) {
    for (const char* level : kClasses) {
      const fs::path dir = base.string() + "/" + root_ + level + "/pod" + pod_uid;
      std::error_code error;
      if (!fs::exists(dir, error)) continue;
      if (auto status = remove_tree(dir); !status.ok() && first.ok()) first = std::move(status);
    }
  }
  return first;
}

std::vector<std::string> Cgroups::known() const {
  std::set<std::string> out;
  for (const auto& base : hierarchies()) {
    for (const char* level : kClasses) {
      std::error_code error;
      for (fs::directory_iterator it(base.string() + "/" + root_ + level, error), end; !error && it != end;
           it.increment(error)) {
        const auto name = it->path().filename().string();
        if (name.starts_with("pod")) out.insert(name.substr(3));
      }
    }
  }
  return {out.begin(), out.end()};
}

}  // namespace gantry::node
