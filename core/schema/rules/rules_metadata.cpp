// Owns the rules of object metadata: names, labels, annotations, owners, finalizers. Pure functions, any thread.
#include <algorithm>
#include <array>
#include <set>

#include "core/schema/codec/json_write.hpp"
#include "core/schema/rules/validation.hpp"
#include "core/schema/values/same_json.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

constexpr size_t kAnnotationBytes = 256 * 1024;
constexpr std::array<std::string_view, 3> kStandardFinalizers = {"kubernetes", "orphan", "foregroundDeletion"};

std::string_view name_format(const Kind& kind) {
  return kind.name_format.empty() ? std::string_view("dns1123-subdomain") : std::string_view(kind.name_format);
}

void check_name(const Kind& kind, const JsonObject& metadata, const At& at, Errors& errors) {
  std::string_view name = get_text(metadata, "name"), base = get_text(metadata, "generateName");
  if (!base.empty()) {
    // The dash at the end is followed by the generated part, so it may stand there.
    std::string example(base);
    if (example.ends_with('-') && example.size() > 1) example.back() = 'a';
    for (const std::string& problem : format_problems(name_format(kind), example)) {
      errors.invalid(at, "generateName", Json(base), problem);
    }
  }
  if (!name.empty()) {
    errors.format(at, "name", name_format(kind), name);
  } else if (base.empty()) {
    errors.required(at, "name", "name or generateName is required");
  }
  std::string_view ns = get_text(metadata, "namespace");
  if (kind.namespaced) {
    if (!ns.empty()) errors.format(at, "namespace", "dns1123-label", ns);
  } else if (!ns.empty()) {
    errors.forbidden(at, "namespace", "not allowed on this type");
  }
}

void check_owner(const Kind& kind, const JsonObject& owner, const At& at, Errors& errors) {
  std::string_view api_version = get_text(owner, "apiVersion"), name = get_text(owner, "kind");
  size_t slash = api_version.find('/');
  if (api_version.empty() || api_version.ends_with('/')) {
    errors.invalid(at, "apiVersion", Json(api_version), "version must not be empty");
  } else if (slash != std::string_view::npos && api_version.find('/', slash + 1) != std::string_view::npos) {
    errors.invalid(at, "apiVersion", Json(api_version), "unexpected GroupVersion string: " + std::string(api_version));
  }
  for (std::string_view key : {"kind", "name", "uid"}) {
    if (get_text(owner, key).empty()) errors.invalid(at, key, "", "must not be empty");
  }
  for (const Kind* never : *kind.never_owners) {
    if (name != never->kind || api_version != never->api_version()) continue;
    errors.invalid(
        at, "", owner,
        never->group + "/" + never->version + ", Kind=" + never->kind + " is disallowed from being an owner");
  }
}

std::string title(const JsonObject& owner) {
  return cut(get_text(owner, "kind"), kLongestName) + "/" + cut(get_text(owner, "name"), kLongestName);
}

void check_owners(const Kind& kind, const JsonObject& metadata, const At& at, Errors& errors) {
  const auto* owners = get_array(metadata, "ownerReferences");
  if (owners == nullptr) return;
  const JsonObject* controller = nullptr;
  At list = at.child("ownerReferences");
  for (size_t i = 0; i < owners->size(); ++i) {
    const auto* owner = (*owners)[i].if_object();
    if (owner == nullptr) continue;
    check_owner(kind, *owner, list, errors);
    if (!get_flag(*owner, "controller")) continue;
    if (controller != nullptr) {
      errors.invalid(list, "", *owners,
                     "Only one reference can have Controller set to true. Found \"true\" in references for " +
                         title(*controller) + " and " + title(*owner));
      continue;
    }
    controller = owner;
  }
}

std::set<std::string_view> texts(const JsonArray* list) {
  std::set<std::string_view> out;
  if (list == nullptr) return out;
  for (const Json& item : *list) {
    if (const auto* text = item.if_string()) out.insert(*text);
  }
  return out;
}

// Names in a row for one message, which is cut anyway.
void add_name(std::string& names, std::string_view name) {
  constexpr size_t kLongest = 2048;
  if (names.size() < kLongest) names.append(names.empty() ? "" : ", ").append(quoted(cut(name, kLongestName)));
}

void check_finalizers(const JsonObject& metadata, const JsonObject* old, const At& at, Errors& errors) {
  const auto* finalizers = get_array(metadata, "finalizers");
  if (finalizers == nullptr) return;
  const auto before = texts(old != nullptr ? get_array(*old, "finalizers") : nullptr), now = texts(finalizers);
  std::string added;
  for (size_t i = 0; i < finalizers->size(); ++i) {
    const auto* text = (*finalizers)[i].if_string();
    if (text == nullptr) continue;
    std::string_view name = *text;
    At item = at.child("finalizers", i);
    bool standard =
        std::find(kStandardFinalizers.begin(), kStandardFinalizers.end(), name) != kStandardFinalizers.end();
    auto problems = format_problems("qualified-name", name);
    for (const std::string& problem : problems) errors.invalid(at, "finalizers", Json(name), problem);
    if (problems.empty() && !standard && name.find('/') == std::string_view::npos) {
      errors.invalid(item, "", Json(name), "name is neither a standard finalizer name nor is it fully qualified");
    }
    if (!before.contains(name)) add_name(added, name);
  }
  if (now.contains("orphan") && now.contains("foregroundDeletion")) {
    errors.invalid(at, "finalizers", *finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
  }
  bool deleting = old != nullptr && get(*old, "deletionTimestamp") != nullptr;
  if (deleting && !added.empty()) {
    errors.forbidden(
        at, "finalizers",
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{" + added + "}");
  }
}

void check_unchanged(const JsonObject& metadata, const JsonObject& old, const At& at, Errors& errors) {
  for (std::string_view key : {"name", "namespace", "uid", "creationTimestamp"}) {
    const Json* now = get(metadata, key);
    const Json* before = get(old, key);
    if (now != nullptr && before != nullptr && !same_json(*now, *before))
      errors.invalid(at, key, *now, "field is immutable");
  }
  if (get(metadata, "generation") != nullptr && get_number(metadata, "generation") < get_number(old, "generation")) {
    errors.invalid(at, "generation", get_number(metadata, "generation"), "must not be decremented");
  }
}

// Absent and equal parts alike.
bool same_part(const JsonObject& metadata, const JsonObject* old, std::string_view key) {
  if (old == nullptr) return false;
  const Json* now = get(metadata, key);
  const Json* before = get(*old, key);
  return now == nullptr || (before != nullptr && same_json(*now, *before));
}

}  // namespace

void check_labels(const JsonObject& labels, const At& at, Errors& errors) {
  for (const auto& entry : labels) {
    errors.format(at, "", "qualified-name", entry.key());
    const auto* value = entry.value().if_string();
    if (value != nullptr) errors.format(at, "", "label-value", *value);
  }
}

void check_annotations(const JsonObject& annotations, const At& at, Errors& errors) {
  size_t size = 0;
  for (const auto& entry : annotations) {
    std::string lower(entry.key());
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    for (const std::string& problem : format_problems("qualified-name", lower)) {
      errors.invalid(at, "", Json(entry.key()), problem);
    }
    const auto* value = entry.value().if_string();
    size += entry.key().size() + (value != nullptr ? value->size() : 0);
  }
  if (size > kAnnotationBytes) errors.too_long(at, "", kAnnotationBytes);
}

void check_metadata(const Kind& kind, const JsonObject& metadata, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("metadata");
  if (!same_part(metadata, old, "name") || !same_part(metadata, old, "generateName")) {
    check_name(kind, metadata, at, errors);
  }
  const JsonObject* labels = get_object(metadata, "labels");
  if (labels != nullptr && !same_part(metadata, old, "labels")) check_labels(*labels, at.child("labels"), errors);
  const JsonObject* annotations = get_object(metadata, "annotations");
  if (annotations != nullptr && !same_part(metadata, old, "annotations")) {
    check_annotations(*annotations, at.child("annotations"), errors);
  }
  if (!same_part(metadata, old, "ownerReferences")) check_owners(kind, metadata, at, errors);
  if (!same_part(metadata, old, "finalizers")) check_finalizers(metadata, old, at, errors);
  if (old != nullptr) check_unchanged(metadata, *old, at, errors);
}

}  // namespace gantry::schema
