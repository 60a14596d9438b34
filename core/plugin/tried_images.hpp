// Which images a process of their own has loaded, made and survived (PluginHost::try_image), so that each is tried
// once.
//
// A file of SHA-256 digests, a line each, in the daemon's data folder. Losing it costs another trial. [main]
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>

namespace gantry::plugin {

class TriedImages {
 public:
  static constexpr size_t kMost = 1'000;  // then the file starts over

  explicit TriedImages(std::filesystem::path file);
  bool contains(const std::string& sha256) const { return digests_.contains(sha256); }
  void add(const std::string& sha256);

 private:
  std::filesystem::path file_;
  std::set<std::string> digests_;
};

}  // namespace gantry::plugin
