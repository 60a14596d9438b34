// Unpacks one image layer the way overlayfs wants to find it. No state; any thread.
#pragma once

#include "files.hpp"

namespace gantry::oci {

// Reads a layer (tar, plain or compressed) from `fd` and makes its files below the empty folder `into`: owners, modes,
// times, extended attributes, device nodes; whiteouts become overlayfs' own. A name that leads out of `into`, by "..",
// a link or otherwise, is an error, and nothing outside is ever touched. Gives the layer's diff id: the hex SHA-256 of
// the uncompressed tar.
Expected<std::string> unpack_layer(int fd, const fs::path& into, uint64_t max_bytes);

}  // namespace gantry::oci
