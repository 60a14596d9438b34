// Who a container's process is: names are looked up in the image, never on the host. No state; any thread.
#pragma once

#include <vector>

#include "files.hpp"
#include "gantry/runtime.pb.h"

namespace gantry::oci {

namespace cri = gantry::runtime::v1;

struct User {
  int64_t uid = 0, gid = 0;
  std::vector<int64_t> groups;  // supplementary, with gid
};

// From the security context, else from the image's "user[:group]". `rootfs` is the container's mounted root.
Expected<User> resolve_user(const fs::path& rootfs, const cri::LinuxContainerSecurityContext& context,
                            const std::string& image_user);

}  // namespace gantry::oci
