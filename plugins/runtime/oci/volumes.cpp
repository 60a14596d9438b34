#include "volumes.hpp"

#include <fcntl.h>

#include <algorithm>

#include "copy.hpp"
#include "reference.hpp"

namespace gantry::oci {
namespace {

constexpr size_t kMaxVolumes = 256;
constexpr uint64_t kMaxFiles = 2'000'000;

std::string plain(const std::string& path) {
  auto text = fs::path("/" + path).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text.starts_with("//") ? text.substr(1) : text;
}

Status make_volume(const fs::path& rootfs, const std::string& at, const fs::path& folder, CopyBudget& budget) {
  if (auto status = make_dirs(folder, 0755); !status.ok()) return status;
  const auto from = open_in_root(rootfs, at, O_RDONLY | O_DIRECTORY);
  if (!from && from.error().code() == 404) return {};
  if (!from) return from.error();
  const Fd to(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return to ? copy_folder(from->get(), to.get(), budget) : errno_status(folder.string());
}

}  // namespace

Expected<std::vector<cri::Mount>> make_volumes(const ImageConfig& image, const cri::ContainerConfig& config,
                                               const fs::path& rootfs, const fs::path& folder, uint64_t max_bytes) {
  CopyBudget budget{max_bytes, kMaxFiles};
  std::vector<cri::Mount> out;
  if (image.volumes.size() > kMaxVolumes) return Status::bad_request("the image has too many volumes");
  const auto mounts_at = [](const auto& mounts, const std::string& at) {
    return std::ranges::any_of(mounts, [&](const cri::Mount& m) { return plain(m.container_path()) == at; });
  };
  for (const auto& volume : image.volumes) {
    const auto at = plain(volume);
    if (at == "/") return Status::bad_request("the image wants its root to be a volume");
    if (mounts_at(config.mounts(), at) || mounts_at(out, at)) continue;
    const auto host = folder / std::to_string(out.size());
    if (auto status = make_volume(rootfs, at, host, budget); !status.ok()) {
      return std::move(status).in("volume " + in_quotes(at) + " of the image");
    }
    cri::Mount mount;
    mount.set_container_path(at);
    mount.set_host_path(host.string());
    out.push_back(std::move(mount));
  }
  return out;
}

}  // namespace gantry::oci
