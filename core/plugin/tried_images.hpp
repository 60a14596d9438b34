// Which images a process of their own has loaded, made and survived (PluginHost::try_image), each with the
// configuration it had then, so that each pair is tried once.
//
// A file of SHA-256 digests, a line each, in the daemon's data folder. Losing it costs another trial. [main]
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

namespace gantry::plugin {

class TriedImages {
 public:
  static constexpr size_t kMost = 1'000;  // then the file starts over

  explicit TriedImages(std::filesystem::path file);
  // Of an image's digest and the text of its configuration.
  static std::string key(const std::string& sha256, std::string_view config);
  bool contains(const std::string& key) const { return digests_.contains(key); }
  void add(const std::string& key);

 private:
  std::filesystem::path file_;
  std::set<std::string> digests_;
};

}  // namespace gantry::plugin
