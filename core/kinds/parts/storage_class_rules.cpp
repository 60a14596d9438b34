// Rules of classes of storage and of the names of CSI drivers. Pure functions, any thread.
#include "core/kinds/parts/storage_class_rules.hpp"

#include <algorithm>

#include "core/kinds/parts/entries.hpp"

namespace gantry::kinds {
namespace {

constexpr size_t kMostParameters = 512, kMostParameterBytes = 256 * 1024, kLongestDriver = 63;

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

}  // namespace

void check_provisioner(const JsonObject& object, std::string_view key, const At& at, Errors& errors) {
  const std::string_view name = get_text(object, key);
  if (!name.empty()) errors.format(at, key, "qualified-name", lower_case(name));
}

void check_parameters(const JsonObject& object, Parameters needed, const At& at, Errors& errors) {
  const JsonObject& parameters = object_at(object, "parameters");
  if (parameters.size() > kMostParameters) return errors.too_long(at, "parameters", kMostParameters);
  size_t bytes = 0;
  for (const auto& entry : parameters) {
    if (entry.key().empty()) errors.invalid(at, "parameters", Json(""), "field can not be empty.");
    const auto* text = entry.value().if_string();
    bytes += entry.key().size() + (text != nullptr ? text->size() : 0);
  }
  if (bytes > kMostParameterBytes) errors.too_long(at, "parameters", kMostParameterBytes);
  if (needed == Parameters::kNeeded && parameters.empty()) {
    errors.required(at, "parameters", "must contain at least one key/value pair");
  }
}

void check_no_updates(const JsonObject& object, const JsonObject* old, std::initializer_list<std::string_view> keys,
                      const At& at, Errors& errors) {
  if (old == nullptr) return;
  for (std::string_view key : keys) {
    if (!same_at(object, *old, key)) errors.forbidden(at, key, "updates to " + std::string(key) + " are forbidden.");
  }
}

void check_csi_driver_name(std::string_view name, const At& at, std::string_view key, Errors& errors) {
  if (name.empty()) errors.required(at, key);
  if (name.size() > kLongestDriver) errors.too_long(at, key, kLongestDriver);
  for (const std::string& problem : format_problems("dns1123-subdomain", lower_case(name))) {
    errors.invalid(at, key, Json(name), problem);
  }
}

}  // namespace gantry::kinds
