// Unpacks one image layer the way overlayfs wants to find it. No state; any thread.
#pragma once

#include <string>
#include <vector>

#include "files.hpp"

namespace gantry::oci {

struct Unpacked {
  std::string diff_id;  // hex SHA-256 of the uncompressed tar
  // The layers below were not asked for anything: the same tar unpacks to the same on any others.
  bool stands_alone = false;
};

// Reads a layer (tar, plain or compressed) from `fd` and makes its files below the empty folder `into`: owners, modes,
// times, extended attributes, device nodes; whiteouts become overlayfs' own. Names are followed within the image's
// root, through links of this layer and of those `below` it (from the lowest to the highest, unpacked, not changed
// meanwhile), and folders that are missing on the way are made. A name with ".." is an error, as is more than
// `max_bytes` of tar or of files, 2,000,000 entries or 256 folders of depth. Nothing outside `into` is ever touched.
Expected<Unpacked> unpack_layer(int fd, const fs::path& into, const std::vector<fs::path>& below, uint64_t max_bytes);

}  // namespace gantry::oci
