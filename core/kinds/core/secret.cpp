// Secrets: their types, and values given as plain text. Pure functions, any thread.
#include <boost/json/parse.hpp>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/entries.hpp"

namespace gantry::kinds::core_secret {
namespace {

void default_after(JsonObject& root) {
  // stringData is write-only: it is data in plain text.
  if (const JsonObject* given = get_object(root, "stringData"); given != nullptr && !given->empty()) {
    const JsonObject plain = *given;  // a copy: adding "data" moves the original
    JsonObject& data = ensure_object(root, "data");
    for (const auto& entry : plain) {
      if (const auto* text = entry.value().if_string()) data[entry.key()] = schema::base64_encode(*text);
    }
  }
  root.erase("stringData");
}

bool has_key(const JsonObject* data, std::string_view key) { return data != nullptr && data->contains(key); }

void check_docker_config(const JsonObject* data, std::string_view key, const At& root, Errors& errors) {
  At here = root.key("data", key);
  const Json* value = data != nullptr ? get(*data, key) : nullptr;
  if (value == nullptr || !value->is_string()) return errors.required(here, "");
  std::string plain;
  boost::system::error_code error;
  if (schema::base64_decode(value->get_string(), plain)) boost::json::parse(plain, error);
  if (error) errors.invalid(here, "", "<secret contents redacted>", error.message());
}

void check_secret_type(const JsonObject& secret, const At& root, Errors& errors) {
  std::string_view type = get_text(secret, "type");
  const JsonObject* data = get_object(secret, "data");
  if (type == "kubernetes.io/dockercfg") return check_docker_config(data, ".dockercfg", root, errors);
  if (type == "kubernetes.io/dockerconfigjson") return check_docker_config(data, ".dockerconfigjson", root, errors);
  if (type == "kubernetes.io/basic-auth" && !has_key(data, "username") && !has_key(data, "password")) {
    errors.required(root.key("data", "username"), "");
    errors.required(root.key("data", "password"), "");
  }
  if (type == "kubernetes.io/ssh-auth") {
    const Json* key = data != nullptr ? get(*data, "ssh-privatekey") : nullptr;
    if (key == nullptr || !key->is_string() || key->get_string().empty()) {
      errors.required(root.key("data", "ssh-privatekey"), "");
    }
  }
  if (type == "kubernetes.io/tls") {
    for (std::string_view key : {"tls.crt", "tls.key"}) {
      if (!has_key(data, key)) errors.required(root.key("data", key), "");
    }
  }
  if (type == "kubernetes.io/service-account-token") {
    At metadata = root.child("metadata");
    const JsonObject* own = get_object(secret, "metadata");
    const JsonObject* notes = own != nullptr ? get_object(*own, "annotations") : nullptr;
    constexpr std::string_view kName = "kubernetes.io/service-account.name";
    if (notes == nullptr || get_text(*notes, kName).empty()) errors.required(metadata.key("annotations", kName), "");
  }
}

void validate(const JsonObject& secret, const JsonObject* old, Errors& errors) {
  At root;
  size_t size = check_entries(secret, "data", true, root, errors);
  if (size > kMostDataBytes) errors.too_long(root, "data", kMostDataBytes);
  check_secret_type(secret, root, errors);
  check_frozen(secret, old, {"data"}, root, errors);
}

void data_count(Row& row, std::string& out) { out += std::to_string(members_at(row, "data")); }

constexpr NamedCell kCells[] = {{"data-count", data_count}};

}  // namespace

constinit const Behavior behavior{
    .group = "", .kind = "Secret", .default_after = default_after, .validate = validate, .cells = kCells};

}  // namespace gantry::kinds::core_secret
