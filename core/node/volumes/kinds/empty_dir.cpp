// emptyDir: a folder that lives as long as the pod, on the disk or in memory.
#include <fcntl.h>

#include <algorithm>

#include "core/files/unique_fd.hpp"
#include "core/node/volumes/volume_files.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::node::volume_kinds::empty_dir {
namespace {

int64_t amount(const std::string& text) {
  const auto quantity = schema::Quantity::parse(text);
  return quantity ? quantity->value() : int64_t{0};
}

// What the pod's containers may use together; 0: one of them is not bounded.
int64_t memory_limit(const corev1::Pod& pod) {
  int64_t sum = 0;
  for (const auto& container : pod.spec().containers()) {
    const auto it = container.resources().limits().find("memory");
    const int64_t limit = it == container.resources().limits().end() ? 0 : amount(it->second.string());
    if (limit == 0) return 0;
    sum += limit;
  }
  return sum;
}

// Bounded by the volume's own limit, by what the pod's containers may use together, and by the node.
std::string tmpfs_options(const VolumeSetUp& task) {
  const auto& source = task.source().empty_dir();
  int64_t size = 0;
  for (const int64_t bound : {source.has_size_limit() ? amount(source.size_limit().string()) : 0,
                              memory_limit(task.pod), task.facts.allocatable_memory}) {
    if (bound > 0) size = size == 0 ? bound : std::min(size, bound);
  }
  return size > 0 ? "mode=0777,size=" + std::to_string(size) : "mode=0777";
}

// The ready mark says that it was made completely: what a container changed of its mode since then stays.
Status set_up(const VolumeSetUp& task) {
  const auto& dir = task.dir;
  const auto& medium = task.source().empty_dir().medium();
  const bool memory = medium == "Memory";
  if (!memory && !medium.empty()) return Status::invalid("medium " + medium + " is not supported by this node");
  const auto mark = task.pod_dir / "plugins" / "kubernetes.io~empty-dir" / task.volume.name() / "ready";
  std::error_code error;
  if (std::filesystem::exists(mark, error) && std::filesystem::exists(dir, error) && (!memory || is_mount_point(dir)))
    return {};
  if (auto made = make_dirs(dir); !made.ok()) return made;
  if (memory && !is_mount_point(dir)) {
    if (auto mounted = mount_tmpfs(dir, tmpfs_options(task)); !mounted.ok()) return mounted;
  }
  if (auto opened = open_to_pod(dir, fs_group(task.pod)); !opened.ok()) return opened;
  if (auto made = make_dirs(mark.parent_path()); !made.ok()) return made;
  const io::UniqueFd fd(::open(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  return fd.valid() ? Status() : failed_with_errno("making " + mark.string());
}

}  // namespace

VolumeKind kind() {
  return {.is = [](const corev1::VolumeSource& source) { return source.has_empty_dir(); },
          .folder = "kubernetes.io~empty-dir",
          .set_up = set_up};
}

}  // namespace gantry::node::volume_kinds::empty_dir
