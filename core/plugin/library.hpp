// One loaded image: a private copy of a plugin file, opened by Boost.DLL. [main]
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/plugin/trust.hpp"
#include "gantry/abi/plugin.h"
#include "gantry/status.hpp"

namespace gantry::plugin {

struct Member;

class LoadedLibrary {
 public:
  // Copies `path` to `copy` (so that overwriting the file on disk can't crash the daemon), checks the copy, and opens
  // it.
  static Expected<std::unique_ptr<LoadedLibrary>> open(const std::filesystem::path& path,
                                                       const std::filesystem::path& copy, const TrustOptions& trust);
  // Opens a copy that passed copy_trusted(); it is removed with the library, or when opening fails.
  static Expected<std::unique_ptr<LoadedLibrary>> open_copy(const std::filesystem::path& path,
                                                            const std::filesystem::path& copy);
  virtual ~LoadedLibrary() = default;  // unloads, removes the copy
  virtual const gantry_plugin_api& api() const = 0;
  // The private copy that is mapped; empty when it is mapped by another process.
  virtual const std::filesystem::path& copy() const = 0;
  // Of an image in another process: that process has ended, or is being ended; whatever is called fails. [any-thread]
  virtual bool lost() const { return false; }
  // The daemon stops: calls into another process, those under way too, have seconds to end, or it is killed.
  // [any-thread]
  virtual void hurry() {}
  // Of an image in another process: asks the long verb that the table of interfaces has as `member`, and tells the
  // answer once, on whatever thread, that of the call too: no thread waits. False, and nothing is told, of an image in
  // this one. [any-thread]
  using Answered = std::function<void(gantry_code code, std::string response, const std::string& error)>;
  virtual bool call_later(const Member& member, std::string_view request, const Answered& answered) {
    (void)member, (void)request, (void)answered;
    return false;
  }
};

// The private copy of a file that passed the checks; nothing is left when it did not.
Status copy_trusted(const std::filesystem::path& path, const std::filesystem::path& copy, const TrustOptions& trust);

}  // namespace gantry::plugin
