// What the end of a container's log says, as a termination message. [worker]
#pragma once

#include <string>

namespace gantry::node {

// The last 80 lines of a log in the CRI format, at most their last 2,048 bytes, without times and streams. Bytes, not
// text: the cut may fall into a character. Reads at most 128 KiB of the file; empty where there is none.
std::string log_tail(const std::string& path);

}  // namespace gantry::node
