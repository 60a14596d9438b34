// What a kind tells whoever writes one of its objects, beside what is wrong with it: paths and upstream's words. A
// collector belongs to one write, on one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/schema/rules/field_errors.hpp"

namespace gantry::schema {

// Collects at most kMost texts, each of some hundred bytes.
class Warnings {
 public:
  static constexpr size_t kMost = 100;

  void add(std::string_view text);
  // "spec.hostAliases[1].ip: text"; `name` is a field below `at`, empty: `at` itself.
  void add(const At& at, std::string_view name, std::string_view text);

  // No more are kept, so that there is no need to look for them.
  bool full() const { return texts_.size() >= kMost; }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_;
};

// What the kind says of an object that is new (old null) or changed, or whose status is.
std::vector<std::string> warnings_of(const Kind& kind, const Json& object, const Json* old, bool status = false);

}  // namespace gantry::schema
