#include "core/plugin/tried_images.hpp"

#include <fstream>

#include "core/plugin/trust.hpp"

namespace gantry::plugin {

TriedImages::TriedImages(std::filesystem::path file) : file_(std::move(file)) {
  std::ifstream in(file_);
  // Half a line, after a power cut, is nobody's digest.
  for (std::string line; digests_.size() < kMost && std::getline(in, line);) digests_.insert(line);
}

std::string TriedImages::key(const std::string& sha256, std::string_view config) {
  return sha256_of_text(sha256 + "\n" + std::string(config));
}

void TriedImages::add(const std::string& key) {
  const bool full = digests_.size() >= kMost;
  if (full) digests_.clear();
  if (!digests_.insert(key).second) return;
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  std::ofstream(file_, full ? std::ios::trunc : std::ios::app) << key << "\n";
}

}  // namespace gantry::plugin
