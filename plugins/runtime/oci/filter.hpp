// What CRI's list filters match. No state; any thread.
#pragma once

#include <string>

namespace gantry::oci {

// An id, or the beginning of one; nothing matches all.
inline bool id_matches(const std::string& id, const std::string& wanted) {
  return wanted.empty() || id.starts_with(wanted);
}

template <typename Labels>
bool labels_match(const Labels& labels, const Labels& selector) {
  for (const auto& [key, value] : selector) {
    const auto it = labels.find(key);
    if (it == labels.end() || it->second != value) return false;
  }
  return true;
}

}  // namespace gantry::oci
