// For tests of any room: where their files lie, and how large what they do is in a build with sanitizers. Any thread.
#pragma once

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace gantry::testing_support {

#ifdef GANTRY_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// Rounds, or a step, of a test that computes much: a sanitizer sees in a few what it sees in many, at 10 times the
// price, and the other build does all of it.
template <typename T>
constexpr T scaled(T full, T sanitized) {
  return kSanitized ? sanitized : full;
}

// A new folder for a database, empty if there can be none; the caller removes it. In memory where the machine has a GB
// of such a place: a kill loses nothing there either, a cut of the power is simulated, and nobody waits for the disk.
// Not for programs or plugins, which may not be run from there.
inline std::string new_database_folder(const std::string& name) {
  std::error_code ignored;
  const std::filesystem::path memory = "/dev/shm";
  const auto space = std::filesystem::space(memory, ignored);
  const bool fits = !ignored && space.available >= uintmax_t{1} << 30;
  const auto base = fits ? memory : std::filesystem::temp_directory_path();
  auto folder = (base / (name + "-XXXXXX")).string();
  return ::mkdtemp(folder.data()) != nullptr ? folder : std::string();
}

}  // namespace gantry::testing_support
