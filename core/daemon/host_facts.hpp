// What the daemon finds out about its machine: name, address. Blocks on the disk; no state.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "gantry/status.hpp"

namespace gantry::daemon {

// The host's name as a Node name (lower case, a DNS-1123 subdomain), or Invalid with what to do.
Expected<std::string> host_node_name();
// The address that packets to elsewhere leave from; 127.0.0.1 where there is no default route.
std::string default_route_address();
// The one line of a small file, written whole or not at all; `otherwise()` makes it when absent.
// The pod range that a file has, or a sentence that names the file.
Expected<std::string> kept_range(const std::filesystem::path& file);
Expected<std::string> remembered(const std::filesystem::path& file, const std::string& otherwise);

// Raises the soft limit of descriptors to the hard one. Returns what it is then.
uint64_t raise_descriptor_limit();

}  // namespace gantry::daemon
