#include "core/plugin/tried_images.hpp"

#include <fstream>

namespace gantry::plugin {

TriedImages::TriedImages(std::filesystem::path file) : file_(std::move(file)) {
  std::ifstream in(file_);
  for (std::string line; digests_.size() < kMost && std::getline(in, line);) {
    // Half a line, after a power cut, is nobody's digest.
    if (line.size() == 64) digests_.insert(line);
  }
}

void TriedImages::add(const std::string& sha256) {
  const bool full = digests_.size() >= kMost;
  if (full) digests_.clear();
  if (!digests_.insert(sha256).second) return;
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  std::ofstream(file_, full ? std::ios::trunc : std::ios::app) << sha256 << "\n";
}

}  // namespace gantry::plugin
