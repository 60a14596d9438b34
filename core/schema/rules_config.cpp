// Owns the rules of the small kinds: ConfigMap, Secret, Namespace, Node, Event, Lease. Pure functions, any thread.
#include <boost/json/parse.hpp>
#include <set>

#include "core/schema/same_json.hpp"
#include "core/schema/text.hpp"
#include "core/schema/validation.hpp"

namespace gantry::schema {
namespace {

constexpr size_t kDataBytes = 1024 * 1024;

bool same(const JsonObject& object, const JsonObject& old, std::string_view key) {
  const Json* now = get(object, key);
  const Json* before = get(old, key);
  auto empty = [](const Json* value) {
    return value == nullptr || (value->is_object() && value->get_object().empty());
  };
  if (empty(now) || empty(before)) return empty(now) == empty(before);
  return same_json(*now, *before);
}

// Bytes are kept in base64, and counted as what they stand for.
size_t decoded_size(std::string_view base64) {
  size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  return base64.size() / 4 * 3 - (base64.empty() ? 0 : padding);
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

// Objects marked so may only be deleted.
void check_frozen(const JsonObject& object, const JsonObject* old, std::initializer_list<std::string_view> lists,
                  const At& at, Errors& errors) {
  if (old == nullptr || !get_flag(*old, "immutable")) return;
  constexpr std::string_view kSet = "field is immutable when `immutable` is set";
  if (!get_flag(object, "immutable")) errors.forbidden(at, "immutable", kSet);
  for (std::string_view list : lists) {
    if (!same(object, *old, list)) errors.forbidden(at, list, kSet);
  }
}

void check_config_map(const JsonObject& map, const JsonObject* old, Errors& errors) {
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
  if (size > kDataBytes) errors.too_long(root.key("", ""), "", kDataBytes);
  check_frozen(map, old, {"data", "binaryData"}, root, errors);
}

bool has_key(const JsonObject* data, std::string_view key) { return data != nullptr && data->contains(key); }

void check_docker_config(const JsonObject* data, std::string_view key, const At& root, Errors& errors) {
  At here = root.key("data", key);
  const Json* value = data != nullptr ? get(*data, key) : nullptr;
  if (value == nullptr || !value->is_string()) return errors.required(here, "");
  std::string plain;
  boost::system::error_code error;
  if (base64_decode(value->get_string(), plain)) boost::json::parse(plain, error);
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

void check_secret(const JsonObject& secret, const JsonObject* old, Errors& errors) {
  At root;
  size_t size = check_entries(secret, "data", true, root, errors);
  if (size > kDataBytes) errors.too_long(root, "data", kDataBytes);
  check_secret_type(secret, root, errors);
  check_frozen(secret, old, {"data"}, root, errors);
}

void check_finalizer(std::string_view name, const At& at, Errors& errors) {
  auto problems = format_problems("qualified-name", name);
  for (const std::string& problem : problems) errors.invalid(at, "", Json(name), problem);
  bool standard = name == "kubernetes" || name == "orphan" || name == "foregroundDeletion";
  if (problems.empty() && name.find('/') == std::string_view::npos && !standard) {
    errors.invalid(at, "", Json(name), "name is neither a standard finalizer name nor is it fully qualified");
  }
}

void check_namespace(const JsonObject& object, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = get_object(object, "spec");
  const JsonArray* finalizers = spec != nullptr ? get_array(*spec, "finalizers") : nullptr;
  for (size_t i = 0; finalizers != nullptr && i < finalizers->size(); ++i) {
    const auto* text = (*finalizers)[i].if_string();
    if (text != nullptr) check_finalizer(*text, at.child("finalizers", i), errors);
  }
  if (old == nullptr || same(object, *old, "status")) return;
  const JsonObject* status = get_object(object, "status");
  const JsonObject* metadata = get_object(object, "metadata");
  bool deleting = metadata != nullptr && get(*metadata, "deletionTimestamp") != nullptr;
  std::string_view phase = status != nullptr ? get_text(*status, "phase") : std::string_view();
  At here = root.child("status");
  if (deleting && phase != "Terminating") {
    errors.invalid(here, "Phase", Json(phase), "may only be 'Terminating' if `deletionTimestamp` is not empty");
  }
  if (!deleting && phase != "Active") {
    errors.invalid(here, "Phase", Json(phase), "may only be 'Active' if `deletionTimestamp` is empty");
  }
}

void check_taints(const JsonObject& spec, const At& at, Errors& errors) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  size_t i = 0;
  each(spec, "taints", [&](const JsonObject& taint) {
    At here = at.child("taints", i++);
    if (seen.emplace(get_text(taint, "key"), get_text(taint, "effect")).second) return;
    errors.duplicate(here, "", taint);
  });
}

void check_node(const JsonObject& node, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = get_object(node, "spec");
  const JsonObject* before = old != nullptr ? get_object(*old, "spec") : nullptr;
  if (spec == nullptr || (before != nullptr && same_json(*spec, *before))) return;
  check_taints(*spec, at, errors);
  const JsonArray* ranges = get_array(*spec, "podCIDRs");
  for (size_t i = 0; ranges != nullptr && i < ranges->size(); ++i) {
    const auto* text = (*ranges)[i].if_string();
    if (text != nullptr) errors.format(at.child("podCIDRs", i), "", "cidr", *text);
  }
  if (before == nullptr) return;
  constexpr std::string_view kOnce = "node updates may not change podCIDR except from \"\" to valid";
  const JsonArray* had = get_array(*before, "podCIDRs");
  if (had != nullptr && !had->empty() && !same(*spec, *before, "podCIDRs")) errors.forbidden(at, "podCIDRs", kOnce);
  if (!get_text(*before, "providerID").empty() && !same(*spec, *before, "providerID")) {
    errors.forbidden(at, "providerID", "node updates may not change providerID except from \"\" to valid");
  }
}

void check_lease(const JsonObject& lease, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = get_object(lease, "spec");
  if (spec == nullptr) return;
  const Json* strategy = get(*spec, "strategy");
  if (strategy != nullptr && strategy->is_string()) {
    errors.format(at, "strategy", "qualified-name", strategy->get_string());
  }
  if (get(*spec, "preferredHolder") != nullptr && get_text(*spec, "strategy").empty()) {
    errors.forbidden(at, "preferredHolder", "may only be specified if `strategy` is defined");
  }
}

// The fields of events.k8s.io that stay as they are, and what messages call them.
struct EventField {
  std::string_view key, said;
};
constexpr EventField kEventFields[] = {{"regarding", "involvedObject"},
                                       {"reason", "reason"},
                                       {"note", "message"},
                                       {"deprecatedSource", "source"},
                                       {"deprecatedFirstTimestamp", "firstTimestamp"},
                                       {"deprecatedLastTimestamp", "lastTimestamp"},
                                       {"deprecatedCount", "count"},
                                       {"type", "type"},
                                       {"eventTime", "eventTime"},
                                       {"action", "action"},
                                       {"related", "related"},
                                       {"reportingController", "reportingController"},
                                       {"reportingInstance", "reportingInstance"}};

bool is_set(const Json* value) {
  if (value == nullptr || value->is_null()) return false;
  if (const auto* object = value->if_object()) return !object->empty();
  if (const auto* text = value->if_string()) return !text->empty();
  return !value->is_int64() || value->get_int64() != 0;
}

bool same_value(const Json* one, const Json* other) {
  if (!is_set(one) || !is_set(other)) return is_set(one) == is_set(other);
  return same_json(*one, *other);
}

void check_series(const JsonObject& event, const At& root, Errors& errors) {
  const JsonObject* series = get_object(event, "series");
  if (series == nullptr) return;
  const At here = root.child("series");
  const Json* count = get(*series, "count");
  const bool number = count != nullptr && count->is_int64();
  if (!number || count->get_int64() < 2) errors.invalid(here, "count", "", "should be at least 2");
  if (!is_set(get(*series, "lastObservedTime"))) errors.required(here, "lastObservedTime");
}

// events.k8s.io limits the texts of an event that is new; the older group takes what older clients send, unless it
// says when in the newer way.
void check_event_texts(const JsonObject& event, std::string_view note, const At& root, Errors& errors) {
  for (std::string_view key : {"reportingInstance", "action", "reason"}) {
    if (get_text(event, key).size() > 128) errors.invalid(root, key, "", "can have at most 128 characters");
  }
  if (get_text(event, note).size() > 1024) errors.invalid(root, "message", "", "can have at most 1024 characters");
}

void check_new_event(const JsonObject& event, const At& root, Errors& errors) {
  check_event_texts(event, "note", root, errors);
  check_series(event, root, errors);
  for (const auto& field : kEventFields) {
    const bool old = field.key.starts_with("deprecated");
    if (old && is_set(get(event, field.key))) errors.invalid(root, field.said, "", "needs to be unset");
  }
}

void check_changed_event(const JsonObject& event, const JsonObject& old, const At& root, Errors& errors) {
  if (!same_value(get(event, "series"), get(old, "series"))) check_series(event, root, errors);
  for (const auto& field : kEventFields) {
    const Json* value = get(event, field.key);
    if (same_value(value, get(old, field.key))) continue;
    errors.invalid(root, field.said, value == nullptr ? Json() : *value, "field is immutable");
  }
}

void check_core_event(const JsonObject& event, const At& root, Errors& errors) {
  if (!is_set(get(event, "eventTime"))) return;
  for (std::string_view key : {"reportingComponent", "reportingInstance", "action", "reason"}) {
    if (get_text(event, key).empty()) errors.required(root, key);
  }
  const auto reporter = get_text(event, "reportingComponent");
  if (!reporter.empty()) errors.format(root, "reportingComponent", "qualified-name", reporter);
  check_event_texts(event, "message", root, errors);
}

// Both shapes of an event, by the names of its fields in either.
void check_event(const Kind& kind, const JsonObject& event, const JsonObject* old, Errors& errors) {
  At root;
  const JsonObject* metadata = get_object(event, "metadata");
  std::string_view ns = metadata != nullptr ? get_text(*metadata, "namespace") : std::string_view();
  std::string_view subject = kind.group.empty() ? "involvedObject" : "regarding";
  const JsonObject* about = get_object(event, subject);
  std::string_view about_ns = about != nullptr ? get_text(*about, "namespace") : std::string_view();
  // What has no namespace is told of in the default one, or where system components report.
  bool fits = about_ns.empty() ? ns == "default" || ns == "kube-system" || ns.empty() : about_ns == ns;
  if (!fits && old == nullptr) {
    At here = root.child("involvedObject");
    errors.invalid(here, "namespace", Json(about_ns), "does not match event.namespace");
  }
  if (kind.group.empty()) return check_core_event(event, root, errors);
  if (old == nullptr) return check_new_event(event, root, errors);
  check_changed_event(event, *old, root, errors);
}

}  // namespace

void check_config(const Kind& kind, const JsonObject& object, const JsonObject* old, Errors& errors) {
  if (kind.kind == "Event") return check_event(kind, object, old, errors);
  if (kind.group == "coordination.k8s.io" && kind.kind == "Lease") return check_lease(object, errors);
  if (!kind.group.empty()) return;
  if (kind.kind == "ConfigMap") check_config_map(object, old, errors);
  if (kind.kind == "Secret") check_secret(object, old, errors);
  if (kind.kind == "Namespace") check_namespace(object, old, errors);
  if (kind.kind == "Node") check_node(object, old, errors);
}

}  // namespace gantry::schema
