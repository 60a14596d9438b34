// Tells of files that were written to folders, or moved into them, once they are complete (inotify). One thread of its
// own.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "core/files/unique_fd.hpp"
#include "gantry/status.hpp"

namespace gantry::daemon {

class FolderWatch {
 public:
  // `changed` runs on the watch's thread and may block: what comes meanwhile waits in the kernel's bounded queue. A
  // folder that does not exist is an error.
  static Expected<std::unique_ptr<FolderWatch>> start(const std::vector<std::filesystem::path>& dirs,
                                                      std::function<void(const std::filesystem::path&)> changed);
  ~FolderWatch();  // waits for a call under way
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

 private:
  FolderWatch() = default;
  void run();
  void read_events();

  io::UniqueFd inotify_, stop_;
  std::map<int, std::filesystem::path> dirs_;
  std::function<void(const std::filesystem::path&)> changed_;
  std::thread thread_;
};

}  // namespace gantry::daemon
