// Whether a file would load, without a daemon and without running an instance of it.
#pragma once

#include <chrono>

#include "core/plugin/instance.hpp"
#include "core/plugin/trust.hpp"

namespace gantry::plugin {

// Everything that a load checks up to `create`: owner, hash and signature, the dynamic loader (architecture,
// dependencies, symbols; static constructors of the file do run), the descriptor and its ABI. The file's name is the
// plugin's.
Expected<ImageInfo> verify_image(const std::filesystem::path& path, const TrustOptions& trust);
// The same, done by a child first: a static constructor that throws, exits or hangs (is not done within `limit`) is a
// sentence. Forks, so only for a process with one thread.
Expected<ImageInfo> verify_image_apart(const std::filesystem::path& path, const TrustOptions& trust,
                                       std::chrono::milliseconds limit = std::chrono::seconds(30));

}  // namespace gantry::plugin
