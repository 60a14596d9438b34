#include "core/kinds/parts/conditions.hpp"

#include <algorithm>
#include <set>

namespace gantry::kinds {
namespace {

constexpr size_t kLongestReason = 1024, kLongestText = 32 * 1024;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool may_end(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; }

bool is_reason(std::string_view text) {
  return is_letter(text.front()) && may_end(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return may_end(c) || c == ',' || c == ':'; });
}

void check_reason(std::string_view reason, const At& at, Errors& errors) {
  if (reason.empty()) return errors.required(at, "reason", "must be set");
  if (!is_reason(reason)) {
    errors.invalid(at, "reason", Json(reason),
                   "a condition reason must start with alphabetic character, optionally followed by a string of "
                   "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. "
                   "'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used "
                   "for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')");
  }
  if (reason.size() > kLongestReason) errors.too_long(at, "reason", kLongestReason);
}

void check_condition(const JsonObject& condition, const At& at, Errors& errors) {
  errors.format(at, "type", "qualified-name", get_text(condition, "type"));
  const std::string_view status = get_text(condition, "status");
  if (status != "True" && status != "False" && status != "Unknown") {
    errors.not_supported(at, "status", status, {"False", "True", "Unknown"});
  }
  const int64_t generation = get_number(condition, "observedGeneration");
  if (generation < 0) {
    errors.invalid(at, "observedGeneration", generation, "must be greater than or equal to zero");
  }
  if (get_text(condition, "lastTransitionTime").empty()) errors.required(at, "lastTransitionTime", "must be set");
  check_reason(get_text(condition, "reason"), at, errors);
  if (get_text(condition, "message").size() > kLongestText) errors.too_long(at, "message", kLongestText);
}

}  // namespace

void check_condition_types(const JsonObject& status, std::string_view missing, const At& at, Errors& errors) {
  std::set<std::string_view> types;
  size_t i = 0;
  each(status, "conditions", [&](const JsonObject& condition) {
    At here = at.child("conditions", i++);
    const std::string_view type = get_text(condition, "type");
    if (!types.insert(type).second) errors.duplicate(here, "type", Json(type));
    if (type.empty()) errors.required(here, "type", missing);
  });
}

void check_conditions(const JsonObject& status, const At& at, Errors& errors) {
  std::set<std::string_view> types;
  size_t i = 0;
  each(status, "conditions", [&](const JsonObject& condition) {
    At here = at.child("conditions", i++);
    const std::string_view type = get_text(condition, "type");
    if (!types.insert(type).second) errors.duplicate(here, "type", Json(type));
    check_condition(condition, here, errors);
  });
}

}  // namespace gantry::kinds
