// CSIDrivers: what a driver wants, two of whose fields are fixed. Pure functions, any thread.
#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/storage_class_rules.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::storage_csi_driver {
namespace {

constexpr int64_t kShortestToken = 600, kLongestToken = int64_t{1} << 32;

void default_after(JsonObject& driver) {
  JsonObject& spec = ensure_object(driver, "spec");
  if (!has_items(spec, "volumeLifecycleModes")) spec["volumeLifecycleModes"] = JsonArray{"Persistent"};
}

void check_tokens(const JsonObject& spec, const At& at, Errors& errors) {
  std::set<std::string_view> audiences;
  size_t i = 0;
  each(spec, "tokenRequests", [&](const JsonObject& request) {
    At here = at.child("tokenRequests", i++);
    const std::string_view audience = get_text(request, "audience");
    if (!audiences.insert(audience).second) return errors.duplicate(here, "audience", Json(audience));
    if (get(request, "expirationSeconds") == nullptr) return;
    const int64_t seconds = get_number(request, "expirationSeconds");
    if (seconds < kShortestToken) {
      errors.invalid(here, "expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
    }
    if (seconds > kLongestToken) {
      errors.invalid(here, "expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
    }
  });
}

void validate(const JsonObject& driver, const JsonObject* old, Errors& errors) {
  At root;
  if (old == nullptr) check_csi_driver_name(get_text(object_at(driver, "metadata"), "name"), root, "name", errors);
  const JsonObject* spec = changed_spec(driver, old);
  if (spec == nullptr) return;
  At at = root.child("spec");
  check_tokens(*spec, at, errors);
  if (old == nullptr) return;
  const JsonObject& before = object_at(*old, "spec");
  // The first is called so by upstream's errors.
  constexpr std::pair<std::string_view, std::string_view> kFixed[] = {{"attachRequired", "attachedRequired"},
                                                                      {"volumeLifecycleModes", "volumeLifecycleModes"}};
  for (const auto& [key, name] : kFixed) {
    const Json* now = get(*spec, key);
    const Json* then = get(before, key);
    if (now != nullptr && then != nullptr && !same_json(*now, *then)) {
      errors.invalid(at, name, *now, "field is immutable");
    }
  }
}

void driver_attaches(Row& row, std::string& out) {
  const Json* attaches = at(row.document, "spec.attachRequired");
  out += attaches != nullptr && attaches->is_bool() && !attaches->get_bool() ? "false" : "true";
}

void driver_tokens(Row& row, std::string& out) {
  const JsonArray* requests = list_at(row.document, "spec.tokenRequests");
  if (requests == nullptr) return put(out, "<unset>");
  std::string text;
  for (const Json& request : *requests) {
    if (&request != &requests->front()) text += ",";
    text += text_at(request, "audience");
  }
  put(out, text);
}

void driver_modes(Row& row, std::string& out) {
  std::string text;
  if (const JsonArray* modes = list_at(row.document, "spec.volumeLifecycleModes")) {
    for (const Json& mode : *modes) (text += text.empty() ? "" : ",") += text_at(mode, "");
  }
  put_or(out, text, "<none>");
}

constexpr NamedCell kCells[] = {
    {"driver-attaches", driver_attaches}, {"driver-tokens", driver_tokens}, {"driver-modes", driver_modes}};

// The first change makes it 1.
void create(JsonObject& driver) { ensure_object(driver, "metadata").erase("generation"); }

}  // namespace

constinit const Behavior behavior{.group = "storage.k8s.io",
                                  .kind = "CSIDriver",
                                  .default_after = default_after,
                                  .validate = validate,
                                  .create = create,
                                  .cells = kCells,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::storage_csi_driver
