// Mounts that outlive a call: overlay root file systems, pinned namespaces, the pods' shared memory. No state; any
// thread.
#pragma once

#include <string>
#include <vector>

#include "files.hpp"

namespace gantry::oci {

bool is_mount(const fs::path& path);
// The kernel's limit for one overlay mount.
inline constexpr size_t kMaxLayers = 500;
// `layers` from the lowest to the highest, none of them twice; at most kMaxLayers.
Status mount_overlay(const std::vector<fs::path>& layers, const fs::path& upper, const fs::path& work,
                     const fs::path& at);
Status mount_tmpfs(const fs::path& at, const std::string& options);
// Until nothing is mounted there any more; what is gone is success.
Status unmount(const fs::path& at);
// Every mount at or below a folder, innermost first.
Status unmount_below(const fs::path& folder);

}  // namespace gantry::oci
