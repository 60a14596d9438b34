// ConfigMaps. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/entries.hpp"

namespace gantry::kinds::core_config_map {
namespace {

void validate(const JsonObject& map, const JsonObject* old, Errors& errors) {
  At root;
  size_t size = check_entries(map, "data", false, root, errors) + check_entries(map, "binaryData", true, root, errors);
  const JsonObject* data = get_object(map, "data");
  const JsonObject* binary = get_object(map, "binaryData");
  if (data != nullptr && binary != nullptr) {
    for (const auto& entry : *data) {
      if (!binary->contains(entry.key())) continue;
      At here = root.key("data", entry.key());
      errors.invalid(here, "", Json(entry.key()), "duplicate of key present in binaryData");
    }
  }
  // No field is too long by itself, which upstream writes as an empty path.
  if (size > kMostDataBytes) errors.too_long(root.key("", ""), "", kMostDataBytes);
  check_frozen(map, old, {"data", "binaryData"}, root, errors);
}

void data_count(Row& row, std::string& out) {
  out += std::to_string(members_at(row, "data") + members_at(row, "binaryData"));
}

constexpr NamedCell kCells[] = {{"data-count", data_count}};

}  // namespace

constinit const Behavior behavior{.group = "", .kind = "ConfigMap", .validate = validate, .cells = kCells};

}  // namespace gantry::kinds::core_config_map
