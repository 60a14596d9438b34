// Owns the rules of a pod spec as a whole; containers, volumes, placement and updates have files of their own.
// Pure functions, any thread.
#include "core/kinds/parts/pod_rules.hpp"

#include <set>

#include "core/kinds/parts/ip_rules.hpp"

namespace gantry::kinds {
namespace {

void check_dns(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonObject* config = get_object(spec, "dnsConfig");
  At here = at.child("dnsConfig");
  const JsonArray* servers = config != nullptr ? get_array(*config, "nameservers") : nullptr;
  if (get_text(spec, "dnsPolicy") == "None") {
    if (config == nullptr) {
      errors.required(here, "", "must provide `dnsConfig` when `dnsPolicy` is None");
    } else if (servers == nullptr || servers->empty()) {
      errors.required(here, "nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None");
    }
  }
  if (config == nullptr) return;
  if (servers != nullptr) {
    if (servers->size() > 3) errors.invalid(here, "nameservers", *servers, "must not have more than 3 nameservers");
    for (size_t i = 0; i < servers->size(); ++i) {
      const auto* text = (*servers)[i].if_string();
      if (text != nullptr) check_ip(*text, Spelling::kAny, here.child("nameservers", i), "", errors);
    }
  }
  const JsonArray* searches = get_array(*config, "searches");
  if (searches == nullptr) return;
  size_t length = searches->empty() ? 0 : searches->size() - 1;
  for (const Json& search : *searches) length += search.is_string() ? search.get_string().size() : 0;
  if (searches->size() > 32) errors.invalid(here, "searches", *searches, "must not have more than 32 search paths");
  if (length > 2048) {
    errors.invalid(here, "searches", *searches,
                   "must not have more than 2048 characters (including spaces) in the search list");
  }
}

void check_pod_security(const JsonObject& spec, const At& at, Errors& errors) {
  At here = at.child("securityContext");
  if (get_flag(spec, "hostPID") && get_flag(spec, "shareProcessNamespace")) {
    errors.invalid(here, "shareProcessNamespace", true, "ShareProcessNamespace and HostPID cannot both be enabled");
  }
  const JsonObject* context = get_object(spec, "securityContext");
  if (context == nullptr) return;
  check_profiles(*context, here, errors);
  std::set<std::string_view> names;
  size_t i = 0;
  each(*context, "sysctls", [&](const JsonObject& sysctl) {
    std::string_view name = get_text(sysctl, "name");
    if (!name.empty() && !names.insert(name).second) errors.duplicate(here.child("sysctls", i), "name", Json(name));
    ++i;
  });
}

void check_host_aliases(const JsonObject& spec, const At& at, Errors& errors) {
  size_t i = 0;
  each(spec, "hostAliases", [&](const JsonObject& alias) {
    check_ip(get_text(alias, "ip"), Spelling::kAny, at.child("hostAliases", i++), "ip", errors);
  });
}

void check_spec(const JsonObject& spec, bool is_pod, const At& at, Errors& errors) {
  PodParts parts{spec, is_pod, {}, {}};
  each(spec, "resourceClaims", [&](const JsonObject& claim) { parts.claims.insert(get_text(claim, "name")); });
  check_volumes(parts, at, errors);
  check_containers(parts, at, errors);
  if (get_text(spec, "restartPolicy").empty()) errors.required(at, "restartPolicy");
  if (const JsonObject* labels = get_object(spec, "nodeSelector"))
    schema::check_labels(*labels, at.child("nodeSelector"), errors);
  check_dns(spec, at, errors);
  check_pod_security(spec, at, errors);
  check_host_aliases(spec, at, errors);
  check_placement(spec, at, errors);
}

}  // namespace

void check_profiles(const JsonObject& context, const At& at, Errors& errors) {
  struct Profile {
    std::string_view key, word;
  };
  for (const Profile& kind : {Profile{"seccompProfile", "seccomp"}, Profile{"appArmorProfile", "AppArmor"}}) {
    const JsonObject* profile = get_object(context, kind.key);
    if (profile == nullptr) continue;
    At here = at.child(kind.key);
    const Json* local = get(*profile, "localhostProfile");
    std::string_view path = get_text(*profile, "localhostProfile");
    if (get_text(*profile, "type") != "Localhost") {
      if (local != nullptr) {
        errors.invalid(here, "localhostProfile", *local,
                       "can only be set when " + std::string(kind.word) + " type is Localhost");
      }
    } else if (path.empty()) {
      errors.required(here, "localhostProfile", "must be set when " + std::string(kind.word) + " type is Localhost");
    } else if (kind.key == "seccompProfile") {
      check_descending_path(path, here, "localhostProfile", errors);
    }
  }
}

void check_descending_path(std::string_view path, const At& at, std::string_view name, Errors& errors) {
  if (path.starts_with('/')) errors.invalid(at, name, Json(path), "must be a relative path");
  std::string_view rest = path;
  while (true) {
    size_t slash = rest.find('/');
    if (rest.substr(0, slash) == "..") return errors.invalid(at, name, Json(path), "must not contain '..'");
    if (slash == std::string_view::npos) return;
    rest.remove_prefix(slash + 1);
  }
}

void check_pod(const JsonObject& pod, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = get_object(pod, "spec");
  const JsonObject* before = old != nullptr ? get_object(*old, "spec") : nullptr;
  // Most updates of pods are of their status.
  bool changed = spec != nullptr && (before == nullptr || !same_json(*spec, *before));
  if (changed) check_spec(*spec, true, at, errors);
  if (changed && before != nullptr) check_pod_update(*spec, *before, at, errors);
  if (old != nullptr) return check_pod_status(pod, *old, errors);
  if (spec != nullptr && get_array(*spec, "ephemeralContainers") != nullptr) {
    errors.forbidden(at, "ephemeralContainers", "cannot be set on create");
  }
}

void check_pod_template(const JsonObject& pod_template, const At& at, Errors& errors) {
  if (const JsonObject* metadata = get_object(pod_template, "metadata")) {
    At here = at.child("metadata");
    if (const JsonObject* labels = get_object(*metadata, "labels"))
      schema::check_labels(*labels, here.child("labels"), errors);
    if (const JsonObject* notes = get_object(*metadata, "annotations")) {
      schema::check_annotations(*notes, here.child("annotations"), errors);
    }
  }
  const JsonObject* spec = get_object(pod_template, "spec");
  if (spec == nullptr) return;
  At here = at.child("spec");
  check_spec(*spec, false, here, errors);
  if (get_array(*spec, "ephemeralContainers") != nullptr) {
    errors.forbidden(here, "ephemeralContainers", "ephemeral containers not allowed in pod template");
  }
}

}  // namespace gantry::kinds
