// Owns the rules of volumes, of the files put into them, and of references to fields. Pure functions, any thread.
#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <span>

#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/storage.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

constexpr std::array<std::string_view, 9> kEnvFields = {
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs",     "status.podIP", "status.podIPs"};
constexpr std::array<std::string_view, 5> kFileFields = {"metadata.annotations", "metadata.labels", "metadata.name",
                                                         "metadata.namespace", "metadata.uid"};
// Known, and to be had neither way.
constexpr std::array<std::string_view, 4> kOtherFields = {"spec.host", "spec.restartPolicy", "spec.schedulerName",
                                                          "status.phase"};
constexpr std::array<std::string_view, 6> kContainerResources = {
    "limits.cpu",   "limits.ephemeral-storage",   "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory"};

template <typename List>
bool contains(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// What stands in brackets behind a path, as in metadata.labels['key'].
struct Subscripted {
  std::string_view path, key;
};

std::optional<Subscripted> split_subscript(std::string_view path) {
  constexpr std::string_view kOpen = "['", kClose = "']";
  if (!path.ends_with(kClose)) return std::nullopt;
  const std::string_view inner = path.substr(0, path.size() - kClose.size());
  const size_t open = inner.find(kOpen);
  if (open == 0 || open == std::string_view::npos) return std::nullopt;
  return Subscripted{inner.substr(0, open), inner.substr(open + kOpen.size())};
}

void check_subscript(const Subscripted& field, const At& at, Errors& errors) {
  std::string key(field.key);
  if (field.path == "metadata.annotations") {
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const std::string& problem : format_problems("qualified-name", key)) {
    errors.invalid(at, "", Json(field.key), problem);
  }
}

// Where a file goes below its volume. Names that begin with two dots are the node's own, for switching content.
void check_file_path(const JsonObject& file, const At& at, Errors& errors) {
  std::string_view path = get_text(file, "path");
  if (path.empty()) return;
  check_descending_path(path, at, "path", errors);
  if (path.starts_with("..") && path != ".." && !path.starts_with("../")) {
    errors.invalid(at, "path", Json(path), "must not start with '..'");
  }
}

// A key of a config map or secret put at a path.
void check_items(const JsonObject& source, const At& at, Errors& errors) {
  size_t i = 0;
  each(source, "items", [&](const JsonObject& item) { check_file_path(item, at.child("items", i++), errors); });
}

void check_downward_items(const JsonObject& source, const At& at, Errors& errors) {
  size_t i = 0;
  each(source, "items", [&](const JsonObject& item) {
    At here = at.child("items", i++);
    check_file_path(item, here, errors);
    const JsonObject* field = get_object(item, "fieldRef");
    const JsonObject* resource = get_object(item, "resourceFieldRef");
    if (field != nullptr && resource != nullptr) {
      errors.invalid(here, "", "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
    } else if (field != nullptr) {
      check_field_ref(*field, RefUse::kFile, here.child("fieldRef"), errors);
    } else if (resource != nullptr) {
      check_resource_ref(*resource, RefUse::kFile, here.child("resourceFieldRef"), errors);
    } else {
      errors.required(here, "fieldRef", "one of fieldRef and resourceFieldRef is required");
    }
  });
}

void check_named(const JsonObject& source, const At& at, Errors& errors) {
  if (get_text(source, "name").empty()) errors.required(at, "name");
  check_items(source, at, errors);
}

void add_path(std::set<std::string>& paths, std::string_view path, const At& at, Errors& errors) {
  if (!path.empty() && !paths.emplace(path).second) {
    errors.invalid(at, "path", Json(path), "conflicting duplicate paths");
  }
}

void check_source(const JsonObject& source, std::string_view key, std::set<std::string>& paths, const At& at,
                  Errors& errors) {
  if (key == "configMap" || key == "secret") check_named(source, at, errors);
  if (key == "downwardAPI") check_downward_items(source, at, errors);
  if (key == "serviceAccountToken" || key == "clusterTrustBundle") {
    check_file_path(source, at, errors);
    add_path(paths, get_text(source, "path"), at, errors);
    return;
  }
  size_t i = 0;
  each(source, "items",
       [&](const JsonObject& item) { add_path(paths, get_text(item, "path"), at.child("items", i++), errors); });
}

void check_projected(const JsonObject& projected, const At& at, Errors& errors) {
  std::set<std::string> paths;
  size_t i = 0;
  each(projected, "sources", [&](const JsonObject& entry) {
    At here = at.child("sources", i++);
    size_t seen = 0;
    for (const auto& source : entry) {
      const auto* object = source.value().if_object();
      if (object == nullptr) continue;
      At there = here.child(source.key());
      if (++seen > 1) {
        errors.forbidden(there, "", "may not specify more than 1 volume type");
      } else {
        check_source(*object, source.key(), paths, there, errors);
      }
    }
    if (seen == 0) errors.required(here, "", "must specify a volume type");
  });
}

void check_volume_source(std::string_view key, const JsonObject& source, const At& at, Errors& errors) {
  if (key == "hostPath") return check_no_backsteps(get_text(source, "path"), at, "path", errors);
  if (key == "configMap") return check_named(source, at, errors);
  if (key == "secret") return check_items(source, at, errors);
  if (key == "downwardAPI") return check_downward_items(source, at, errors);
  if (key == "projected") return check_projected(source, at, errors);
  if (key == "ephemeral") {
    At claim = at.child("volumeClaimTemplate");
    const JsonObject* spec = get_object(object_at(source, "volumeClaimTemplate"), "spec");
    if (spec != nullptr) check_claim_spec(*spec, claim.child("spec"), errors);
  }
  if (key == "gitRepo") {
    std::string_view directory = get_text(source, "directory");
    if (!directory.empty()) check_descending_path(directory, at, "directory", errors);
  }
}

// In which units a number is given, of all but processors.
constexpr std::string_view kDivisors = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";

bool is_unit(const schema::Quantity& divisor) {
  for (std::string_view rest = kDivisors; !rest.empty();) {
    const size_t end = std::min(rest.find(','), rest.size());
    if (divisor.compare(*schema::Quantity::parse(rest.substr(0, end))) == 0) return true;
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return false;
}

void check_divisor(const JsonObject& ref, const At& at, Errors& errors) {
  const std::string_view text = get_text(ref, "divisor"), resource = get_text(ref, "resource");
  const auto divisor = schema::Quantity::parse(text.empty() ? "0" : text);
  if (!divisor || divisor->zero()) return;
  const auto invalid = [&](std::string_view units, std::string_view what) {
    errors.invalid(
        at, "divisor", Json(resource),
        "only divisor's values " + std::string(units) + " are supported with the " + std::string(what) + " resource");
  };
  const std::string_view name = resource.substr(std::min(resource.find('.') + 1, resource.size()));
  if (name == "cpu") {
    const auto milli = schema::Quantity::parse("1m"), one = schema::Quantity::parse("1");
    if (divisor->compare(*milli) != 0 && divisor->compare(*one) != 0) invalid("1m and 1", name);
  } else if (!is_unit(*divisor)) {
    if (name == "memory") invalid(kDivisors, name);
    if (name == "ephemeral-storage") invalid(kDivisors, "local ephemeral storage");
    if (name.starts_with("hugepages-")) invalid(kDivisors, "hugepages");
  }
}

}  // namespace

void check_field_ref(const JsonObject& ref, RefUse use, const At& at, Errors& errors) {
  std::string_view path = get_text(ref, "fieldPath");
  const std::string_view version = get_text(ref, "apiVersion");
  if (version.empty()) return errors.required(at, "apiVersion");
  if (path.empty()) return;
  const auto not_converted = [&](const std::string& why, std::string_view what) {
    errors.invalid(at, "fieldPath", Json(path), "error converting fieldPath: " + why + std::string(what));
  };
  if (version != "v1") return not_converted("unsupported pod version: ", version);
  if (const auto field = split_subscript(path)) {
    if (field->path == "metadata.labels" || field->path == "metadata.annotations") {
      return check_subscript(*field, at, errors);
    }
    return not_converted("field label does not support subscript: ", path);
  }
  const bool known = contains(kEnvFields, path) || contains(kFileFields, path) || contains(kOtherFields, path);
  if (!known) return not_converted("field label not supported: ", path);
  if (path == "spec.host") path = "spec.nodeName";  // as it was called once
  if (use == RefUse::kFile ? contains(kFileFields, path) : contains(kEnvFields, path)) return;
  const std::span<const std::string_view> supported =
      use == RefUse::kFile ? std::span<const std::string_view>(kFileFields) : kEnvFields;
  errors.not_supported(at, "fieldPath", path, std::vector<std::string>(supported.begin(), supported.end()));
}

void check_resource_ref(const JsonObject& ref, RefUse use, const At& at, Errors& errors) {
  std::string_view resource = get_text(ref, "resource");
  if (use == RefUse::kFile && get_text(ref, "containerName").empty()) return errors.required(at, "containerName");
  if (resource.empty()) return;
  bool huge = resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-");
  if (!huge && !contains(kContainerResources, resource)) {
    errors.not_supported(at, "resource", resource,
                         {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                          "requests.ephemeral-storage", "requests.memory"});
  }
  check_divisor(ref, at, errors);
}

void check_no_backsteps(std::string_view path, const At& at, std::string_view name, Errors& errors) {
  std::string_view rest = path;
  while (!rest.empty()) {
    size_t slash = rest.find('/');
    if (rest.substr(0, slash) == "..") return errors.invalid(at, name, Json(path), "must not contain '..'");
    if (slash == std::string_view::npos) return;
    rest.remove_prefix(slash + 1);
  }
}

void check_volumes(PodParts& parts, const At& at, Errors& errors) {
  size_t i = 0;
  each(parts.spec, "volumes", [&](const JsonObject& volume) {
    At here = at.child("volumes", i++);
    std::string_view name = get_text(volume, "name");
    if (!name.empty()) parts.volumes.emplace(name, &volume);
    size_t sources = 0;
    for (const auto& entry : volume) {
      const auto* source = entry.value().if_object();
      if (source == nullptr) continue;
      At there = here.child(entry.key());
      if (++sources > 1) {
        errors.forbidden(there, "", "may not specify more than 1 volume type");
      } else {
        check_volume_source(entry.key(), *source, there, errors);
      }
    }
    if (sources == 0) errors.required(here, "", "must specify a volume type");
  });
}

}  // namespace gantry::kinds
