// One loaded image: a private copy of a plugin file, opened by Boost.DLL. [main]
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "gantry/abi/plugin.h"
#include "gantry/status.hpp"

namespace gantry::plugin {

class LoadedLibrary {
 public:
  // Copies `path` to `copy` (so that overwriting the file on disk can't crash the daemon), compares the copy's SHA-256 with
  // `sha256` when that is not empty, and opens it.
  static Expected<std::unique_ptr<LoadedLibrary>> open(const std::filesystem::path& path,
                                                       const std::filesystem::path& copy, const std::string& sha256);
  virtual ~LoadedLibrary() = default;  // unloads, removes the copy
  virtual const gantry_plugin_api& api() const = 0;
  // The private copy that is mapped; empty when it is mapped by another process.
  virtual const std::filesystem::path& copy() const = 0;
};

Expected<std::string> sha256_of(const std::filesystem::path& path);

}  // namespace gantry::plugin
