// Owns the rules of a persistent volume's spec and of its sources. Pure functions, any thread.
#include <array>

#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/storage.hpp"
#include "core/kinds/parts/storage_class_rules.hpp"

namespace gantry::kinds {
namespace {

// In upstream's order, in which the first one counts.
constexpr std::array<std::string_view, 22> kVolumeSources = {"hostPath",
                                                             "gcePersistentDisk",
                                                             "awsElasticBlockStore",
                                                             "glusterfs",
                                                             "flocker",
                                                             "nfs",
                                                             "rbd",
                                                             "quobyte",
                                                             "cephfs",
                                                             "iscsi",
                                                             "cinder",
                                                             "fc",
                                                             "flexVolume",
                                                             "azureFile",
                                                             "vsphereVolume",
                                                             "photonPersistentDisk",
                                                             "portworxVolume",
                                                             "azureDisk",
                                                             "scaleIO",
                                                             "local",
                                                             "storageos",
                                                             "csi"};

constexpr std::string_view kInline = " in the context of inline volumes";

// Every slash is one; "/./" and "//" lead to the root, too.
bool is_root(std::string_view path) {
  return !path.empty() && path.front() == '/' && path.find_first_not_of("/.") == std::string_view::npos &&
         path.find("...") == std::string_view::npos;
}

void check_secret(const JsonObject& source, std::string_view key, const At& at, Errors& errors) {
  const JsonObject* secret = get_object(source, key);
  if (secret == nullptr) return;
  At here = at.child(key);
  const std::string_view name = get_text(*secret, "name"), ns = get_text(*secret, "namespace");
  if (name.empty()) {
    errors.required(here, "name");
  } else {
    errors.format(here, "name", "dns1123-subdomain", name);
  }
  if (ns.empty()) {
    errors.required(here, "namespace");
  } else {
    errors.format(here, "namespace", "dns1123-label", ns);
  }
}

// Of the retired ones: that the parts of the reference are there.
void check_named_secret(const JsonObject& source, bool with_namespace, const At& at, Errors& errors) {
  const JsonObject* secret = get_object(source, "secretRef");
  if (secret == nullptr) return;
  At here = at.child("secretRef");
  if (get_text(*secret, "name").empty()) errors.required(here, "name");
  if (with_namespace && get_text(*secret, "namespace").empty()) errors.required(here, "namespace");
}

void check_csi(const JsonObject& source, const At& at, Errors& errors) {
  const std::string_view driver = get_text(source, "driver");
  if (!driver.empty()) check_csi_driver_name(driver, at, "driver", errors);
  for (std::string_view key :
       {"controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"}) {
    check_secret(source, key, at, errors);
  }
}

void check_fc(const JsonObject& source, const At& at, Errors& errors) {
  const bool names = has_items(source, "targetWWNs"), ids = has_items(source, "wwids");
  if (!names && !ids) errors.required(at, "targetWWNs", "must specify either targetWWNs or wwids, but not both");
  if (names && ids) {
    errors.invalid(at, "targetWWNs", *get_array(source, "targetWWNs"),
                   "targetWWNs and wwids can not be specified simultaneously");
  }
  if (!names) return;
  const int64_t lun = get_number(source, "lun");
  if (get(source, "lun") == nullptr) return errors.required(at, "lun", "lun is required if targetWWNs is specified");
  if (lun < 0 || lun > 255) errors.invalid(at, "lun", lun, schema::inclusive_range(0, 255));
}

void check_flex_options(const JsonObject& source, const At& at, Errors& errors) {
  for (const auto& option : object_at(source, "options")) {
    const std::string_view key = option.key();
    std::string domain = "." + std::string(key.substr(0, key.find('/')));
    for (char& c : domain) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!domain.ends_with(".kubernetes.io") && !domain.ends_with(".k8s.io")) continue;
    errors.invalid(at.key("options", key), "", Json(key), "kubernetes.io and k8s.io namespaces are reserved");
  }
}

void check_flocker(const JsonObject& source, const At& at, Errors& errors) {
  const bool name = !get_text(source, "datasetName").empty(), id = !get_text(source, "datasetUUID").empty();
  if (!name && !id) errors.required(at, "", "one of datasetName and datasetUUID is required");
  if (name && id) {
    errors.invalid(at, "", "resource", "datasetName and datasetUUID can not be specified simultaneously");
  }
}

void check_sources(const JsonObject& spec, const At& at, Errors& errors) {
  size_t count = 0;
  for (std::string_view key : kVolumeSources) {
    const JsonObject* source = get_object(spec, key);
    if (source == nullptr) continue;
    At here = at.child(key);
    if (++count > 1 && key != "flexVolume") {
      errors.forbidden(here, "", "may not specify more than 1 volume type");
      continue;
    }
    check_persistent_source(key, *source, here, errors);
    if (key == "local" && get(spec, "nodeAffinity") == nullptr) {
      errors.required(at, "nodeAffinity", "Local volume requires node affinity");
    }
  }
  if (count == 0) errors.required(at, "", "must specify a volume type");
}

void check_capacity(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonObject& capacity = object_at(spec, "capacity");
  if (capacity.empty()) errors.required(at, "capacity");
  if (get(capacity, "storage") == nullptr || capacity.size() > 1) {
    std::string_view other;
    for (const auto& entry : capacity) other = entry.key() != "storage" ? std::string_view(entry.key()) : other;
    errors.not_supported(at, "capacity", other, {"storage"});
  }
  for (const auto& entry : capacity) check_above_zero(entry.value(), at.key("capacity", entry.key()), errors);
}

void check_inline(const JsonObject& spec, const At& at, Errors& errors) {
  for (std::string_view key : {"claimRef", "capacity", "nodeAffinity", "storageClassName"}) {
    if (get(spec, key) != nullptr) errors.forbidden(at, key, "may not be specified" + std::string(kInline));
  }
  if (get(spec, "csi") == nullptr) errors.required(at, "csi", "has to be specified" + std::string(kInline));
  const std::string_view policy = get_text(spec, "persistentVolumeReclaimPolicy");
  if (!policy.empty() && policy != "Retain") {
    errors.forbidden(at, "persistentVolumeReclaimPolicy", "may only be Retain" + std::string(kInline));
  }
  const std::string_view mode = get_text(spec, "volumeMode");
  if (!mode.empty() && mode != "Filesystem") {
    errors.forbidden(at, "volumeMode", "may not specify volumeMode other than Filesystem" + std::string(kInline));
  }
}

}  // namespace

void check_persistent_source(std::string_view key, const JsonObject& source, const At& at, Errors& errors) {
  if (key == "hostPath" || key == "local") return check_no_backsteps(get_text(source, "path"), at, "path", errors);
  if (key == "csi") return check_csi(source, at, errors);
  if (key == "fc") return check_fc(source, at, errors);
  if (key == "flexVolume") return check_flex_options(source, at, errors);
  if (key == "flocker") return check_flocker(source, at, errors);
  if (key == "cinder" || key == "storageos") return check_named_secret(source, true, at, errors);
  if (key == "azureFile") {
    const Json* ns = get(source, "secretNamespace");
    if (ns != nullptr && *ns == "") errors.required(at, "secretNamespace");
  }
  if (key == "iscsi") {
    check_named_secret(source, false, at, errors);
    const bool chap = get_flag(source, "chapAuthDiscovery") || get_flag(source, "chapAuthSession");
    if (chap && get(source, "secretRef") == nullptr) errors.required(at, "secretRef");
  }
}

void check_persistent_volume_spec(const JsonObject& spec, bool in_line, const At& at, Errors& errors) {
  if (!has_items(spec, "accessModes")) errors.required(at, "accessModes");
  check_access_modes(spec, at, errors);
  if (in_line) {
    check_inline(spec, at, errors);
  } else {
    check_capacity(spec, at, errors);
    const JsonObject* nodes = get_object(object_at(spec, "nodeAffinity"), "required");
    At affinity = at.child("nodeAffinity");
    if (nodes != nullptr) check_node_selector(*nodes, affinity.child("required"), errors);
  }
  check_sources(spec, at, errors);
  const bool recycled = get_text(spec, "persistentVolumeReclaimPolicy") == "Recycle";
  if (recycled && is_root(get_text(object_at(spec, "hostPath"), "path"))) {
    errors.forbidden(at, "persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'");
  }
  const Json* attributes = get(spec, "volumeAttributesClassName");
  if (attributes == nullptr) return;
  if (*attributes == "") {
    errors.required(at, "volumeAttributesClassName", "an empty string is disallowed");
  } else {
    errors.format(at, "volumeAttributesClassName", "dns1123-subdomain", get_text(spec, "volumeAttributesClassName"));
  }
  if (get(spec, "csi") == nullptr) {
    errors.required(at, "csi", "has to be specified when using volumeAttributesClassName");
  }
}

}  // namespace gantry::kinds
