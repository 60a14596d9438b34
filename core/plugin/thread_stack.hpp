// The stack of another thread of this process, taken while it runs: a signal has that thread walk its own stack.
//
// A system call that the thread waits in may end with EINTR by it. [any-thread], one capture at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gantry::plugin {

// Addresses, innermost first. Empty when the thread did not take the signal in time (it is deep in the kernel).
std::vector<uintptr_t> capture_stack(pid_t thread, std::chrono::milliseconds limit);

// "slow.so+0x12e4 (spin())" for each address, which must still be mapped. `image` is the private copy of a plugin,
// shown by the name of `original`, the file that was copied; names of functions: see symbol_table.hpp.
std::vector<std::string> describe_stack(const std::vector<uintptr_t>& stack, const std::filesystem::path& image,
                                        const std::filesystem::path& original);

}  // namespace gantry::plugin
