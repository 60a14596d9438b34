// Owns how warnings are collected. Pure, any thread.
#include "core/schema/rules/warnings.hpp"

#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

constexpr size_t kLongestWarning = 1024;

}  // namespace

void Warnings::add(std::string_view text) {
  if (!full()) texts_.push_back(cut(text, kLongestWarning));
}

void Warnings::add(const At& at, std::string_view name, std::string_view text) {
  if (!full()) add(at.text(name).append(": ").append(text));
}

std::vector<std::string> warnings_of(const Kind& kind, const Json& object, const Json* old, bool status) {
  const auto warn = status ? kind.behavior->warn_status : kind.behavior->warn;
  const auto* now = object.if_object();
  if (warn == nullptr || now == nullptr) return {};
  Warnings warnings;
  warn(*now, old != nullptr ? old->if_object() : nullptr, warnings);
  return warnings.texts();
}

}  // namespace gantry::schema
