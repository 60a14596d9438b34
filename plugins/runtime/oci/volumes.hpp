// The paths that an image wants to be folders of each container alone (VOLUME). No state; any thread.
#pragma once

#include <vector>

#include "gantry/runtime.pb.h"
#include "image_store.hpp"
#include "user.hpp"

namespace gantry::oci {

// Makes a folder below `folder` for each of them at which the pod mounts nothing, with what the image has there, and
// gives their mounts; together at most `max_bytes` and 2,000,000 files. `rootfs` is the container's root, before
// anything runs in it. `folder` goes with the container.
Expected<std::vector<cri::Mount>> make_volumes(const ImageConfig& image, const cri::ContainerConfig& config,
                                               const fs::path& rootfs, const fs::path& folder, uint64_t max_bytes);

}  // namespace gantry::oci
