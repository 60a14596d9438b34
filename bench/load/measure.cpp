#include "bench/load/measure.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace gantry::bench {
namespace {

namespace fs = std::filesystem;

// Socket inodes that listen on a port, from a /proc/net/tcp file.
void listening_inodes(const char* file, int port, std::set<std::string>& out) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string slot, local, remote, state, skip, inode;
    words >> slot >> local >> remote >> state >> skip >> skip >> skip >> skip >> skip >> inode;
    const auto colon = local.rfind(':');
    if (state == "0A" && std::stoi(local.substr(colon + 1), nullptr, 16) == port) out.insert("socket:[" + inode + "]");
  }
}

}  // namespace

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Latencies::add(int64_t us) {
  const std::lock_guard lock(mutex_);
  values_.push_back(us);
}

int64_t Latencies::percentile(double p) {
  const std::lock_guard lock(mutex_);
  if (values_.empty()) return 0;
  std::sort(values_.begin(), values_.end());
  return values_[std::min(values_.size() - 1, static_cast<size_t>(p * static_cast<double>(values_.size())))];
}

size_t Latencies::count() {
  const std::lock_guard lock(mutex_);
  return values_.size();
}

int64_t Process::cpu_us() const {
  if (!known()) return 0;
  // The scheduler's own count is exact to the nanosecond, where stat's ticks are 10 ms.
  int64_t total = 0;
  std::error_code error;
  for (fs::directory_iterator it("/proc/" + std::to_string(pid_) + "/task", error), end; !error && it != end;
       it.increment(error)) {
    std::ifstream in(it->path() / "schedstat");
    int64_t ns = 0;
    if (in >> ns) total += ns;
  }
  return total / 1000;
}

int64_t Process::resident_kb() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stoll(line.substr(6));
  }
  return 0;
}

pid_t Process::listening_on(int port) {
  std::set<std::string> inodes;
  listening_inodes("/proc/net/tcp", port, inodes);
  listening_inodes("/proc/net/tcp6", port, inodes);
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const auto name = it->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code inner;
    for (fs::directory_iterator fd(it->path() / "fd", inner), last; !inner && fd != last; fd.increment(inner)) {
      if (inodes.count(fs::read_symlink(fd->path(), inner).string()) != 0) return std::stoi(name);
    }
  }
  return 0;
}

}  // namespace gantry::bench
