#include "core/node/machine/capacity.hpp"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

// The kubelet's default hard eviction thresholds.
constexpr int64_t kMemoryKept = 100LL << 20;
constexpr double kDiskKept = 0.10, kInodesKept = 0.05;
constexpr int64_t kPidsKept = 1000;

std::string first_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  line.erase(line.find_last_not_of(" \t\r\n") + 1);
  return line;
}

int64_t number(const std::string& text, int64_t otherwise) {
  int64_t value = 0;
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc() ? value : otherwise;
}

// A line of /proc/meminfo in bytes.
int64_t meminfo(const std::string& name) {
  std::ifstream in("/proc/meminfo");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name + ":")) continue;
    const auto digits = line.find_first_of("0123456789");
    return digits == std::string::npos ? 0 : number(line.substr(digits), 0) * 1024;
  }
  return 0;
}

// The folder may not be there yet: its nearest ancestor lies on the same file system.
bool file_system(fs::path dir, struct statvfs& out) {
  while (!dir.empty() && ::statvfs(dir.c_str(), &out) != 0) {
    if (dir == dir.parent_path()) return false;
    dir = dir.parent_path();
  }
  return !dir.empty();
}

std::string os_image() {
  std::ifstream in("/etc/os-release");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    auto name = line.substr(12);
    std::erase(name, '"');
    return name;
  }
  return "Linux";
}

}  // namespace

Capacity machine_capacity(const NodeOptions& options) {
  Capacity capacity;
  capacity.cpu = std::max<int64_t>(1, ::sysconf(_SC_NPROCESSORS_ONLN));
  capacity.memory = meminfo("MemTotal");
  capacity.pods = options.max_pods;
  struct statvfs disk {};
  if (file_system(options.data_dir, disk)) {
    capacity.ephemeral_storage = static_cast<int64_t>(disk.f_blocks) * static_cast<int64_t>(disk.f_frsize);
  }
  std::error_code error;
  for (fs::directory_iterator it("/sys/kernel/mm/hugepages", error), end; !error && it != end; it.increment(error)) {
    // "hugepages-2048kB"
    const auto name = it->path().filename().string();
    const int64_t kib = name.starts_with("hugepages-") ? number(name.substr(10), 0) : 0;
    if (kib <= 0) continue;
    const auto size = kib % (1 << 20) == 0 ? std::to_string(kib >> 20) + "Gi"
                      : kib % 1024 == 0    ? std::to_string(kib >> 10) + "Mi"
                                           : std::to_string(kib) + "Ki";
    capacity.hugepages.emplace_back("hugepages-" + size,
                                    number(first_line(it->path() / "nr_hugepages"), 0) * kib * 1024);
  }
  std::sort(capacity.hugepages.begin(), capacity.hugepages.end());
  return capacity;
}

Capacity allocatable(const Capacity& capacity) {
  Capacity out = capacity;
  out.memory = std::max<int64_t>(0, capacity.memory - kMemoryKept);
  for (const auto& [name, bytes] : capacity.hugepages) out.memory = std::max<int64_t>(0, out.memory - bytes);
  out.ephemeral_storage = capacity.ephemeral_storage - capacity.ephemeral_storage / 10;
  return out;
}

Pressure machine_pressure(const NodeOptions& options) {
  Pressure pressure;
  const int64_t available = meminfo("MemAvailable");
  pressure.memory = available > 0 && available < kMemoryKept;
  struct statvfs disk {};
  if (file_system(options.data_dir, disk) && disk.f_blocks > 0) {
    const double free_space = static_cast<double>(disk.f_bavail) / static_cast<double>(disk.f_blocks);
    // File systems without a fixed number of inodes report none.
    const double free_inodes =
        disk.f_files > 0 ? static_cast<double>(disk.f_favail) / static_cast<double>(disk.f_files) : 1.0;
    pressure.disk = free_space < kDiskKept || free_inodes < kInodesKept;
  }
  // "0.00 0.01 0.05 1/180 4242": running and all tasks.
  const auto load = first_line("/proc/loadavg");
  const auto slash = load.find('/');
  const int64_t tasks = slash == std::string::npos ? 0 : number(load.substr(slash + 1), 0);
  const int64_t most = number(first_line("/proc/sys/kernel/pid_max"), 0);
  pressure.pids = most > 0 && tasks > 0 && most - tasks < kPidsKept;
  return pressure;
}

std::string machine_architecture() {
  utsname names{};
  ::uname(&names);
  const std::string machine = names.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.starts_with("arm")) return "arm";
  if (machine == "i686" || machine == "i386") return "386";
  return machine;
}

corev1::NodeSystemInfo machine_info(const NodeOptions& options) {
  corev1::NodeSystemInfo info;
  utsname names{};
  ::uname(&names);
  info.set_machine_id(first_line("/etc/machine-id"));
  auto uuid = first_line("/sys/class/dmi/id/product_uuid");
  info.set_system_uuid(uuid.empty() ? info.machine_id() : uuid);
  info.set_boot_id(first_line("/proc/sys/kernel/random/boot_id"));
  info.set_kernel_version(names.release);
  info.set_os_image(os_image());
  info.set_kubelet_version(options.version);
  info.set_operating_system("linux");
  info.set_architecture(machine_architecture());
  info.mutable_swap()->set_capacity(meminfo("SwapTotal"));
  return info;
}

}  // namespace gantry::node
