#include "core/kinds/parts/entries.hpp"

namespace gantry::kinds {
namespace {

// Bytes are kept in base64, and counted as what they stand for.
size_t decoded_size(std::string_view base64) {
  size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  return base64.size() / 4 * 3 - (base64.empty() ? 0 : padding);
}

}  // namespace

bool same_at(const JsonObject& object, const JsonObject& old, std::string_view key) {
  const Json* now = get(object, key);
  const Json* before = get(old, key);
  auto empty = [](const Json* value) {
    return value == nullptr || (value->is_object() && value->get_object().empty());
  };
  if (empty(now) || empty(before)) return empty(now) == empty(before);
  return same_json(*now, *before);
}

size_t check_entries(const JsonObject& object, std::string_view list, bool bytes, const At& at, Errors& errors) {
  const JsonObject* entries = get_object(object, list);
  size_t size = 0;
  if (entries == nullptr) return size;
  for (const auto& entry : *entries) {
    errors.format(at.key(list, entry.key()), "", "config-key", entry.key());
    const auto* text = entry.value().if_string();
    if (text != nullptr) size += bytes ? decoded_size(*text) : text->size();
  }
  return size;
}

void check_frozen(const JsonObject& object, const JsonObject* old, std::initializer_list<std::string_view> lists,
                  const At& at, Errors& errors) {
  if (old == nullptr || !get_flag(*old, "immutable")) return;
  constexpr std::string_view kSet = "field is immutable when `immutable` is set";
  if (!get_flag(object, "immutable")) errors.forbidden(at, "immutable", kSet);
  for (std::string_view list : lists) {
    if (!same_at(object, *old, list)) errors.forbidden(at, list, kSet);
  }
}

}  // namespace gantry::kinds
