// Namespaces, secrets, and what the workload kinds share. Pure, any thread.
#include <string>

#include "core/apiserver/strategies/strategy.hpp"

namespace gantry::apiserver {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < have ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (size_t j = 0; j < 4; ++j) out += j <= have ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

void label_with_own_name(Json& document) {
  const std::string name(text_at(document, {"metadata", "name"}));
  if (!name.empty()) object_in(metadata_of(document), "labels")["kubernetes.io/metadata.name"] = name;
}

}  // namespace

void namespace_create(Json& document) {
  auto& object = document.as_object();
  label_with_own_name(document);
  auto& spec = object_in(object, "spec");
  auto& finalizers = spec["finalizers"];
  if (!list_contains(&finalizers, "kubernetes")) {
    if (!finalizers.is_array()) finalizers.emplace_array();
    finalizers.get_array().emplace_back("kubernetes");
  }
  object["status"] = JsonObject{{"phase", "Active"}};
}

void namespace_update(Json& next, const Json& old) {
  // Finalizers change through /finalize alone.
  take_key(next.as_object(), old, "spec");
  label_with_own_name(next);
}

// stringData is write-only: its values become data's.
void secret_create(Json& secret) {
  auto& object = secret.as_object();
  const Json* plain = object.if_contains("stringData");
  if (plain != nullptr && plain->is_object()) {
    const JsonObject values = plain->get_object();
    auto& data = object_in(object, "data");
    for (const auto& [key, value] : values) {
      if (value.is_string()) data[key] = base64(value.get_string());
    }
  }
  object.erase("stringData");
}

void secret_update(Json& next, const Json&) { secret_create(next); }

void workload_update_status(Json& next, const Json& old) {
  if (const Json* metadata = find(old, {"metadata"})) take_key(metadata_of(next), *metadata, "labels");
}

}  // namespace gantry::apiserver
