// Which manifests of an image this machine runs: os, architecture and variant as image-spec and containerd name them.
// No state; any thread.
#pragma once

#include <optional>
#include <string>

namespace gantry::oci {

struct Platform {
  std::string os, architecture, variant;
  std::string text() const;  // "linux/arm/v7"
};

// Of a machine by uname's word ("x86_64"); of this one. The variant is the baseline of the architecture, but for 32-bit
// arm, whose machines say which they are.
Platform platform_of_machine(const std::string& machine);
Platform this_platform();

// How well an image of a platform suits a machine: 0 is best; nothing when it can't be relied on to run there.
std::optional<int> suits(const Platform& image, const Platform& machine);

}  // namespace gantry::oci
