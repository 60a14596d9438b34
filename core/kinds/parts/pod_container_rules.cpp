// Owns the rules of containers of all three sorts: names, ports, mounts, probes, hooks, security.
// Pure functions, any thread.
#include "core/kinds/parts/pod_container_rules.hpp"

#include <array>
#include <set>

namespace gantry::kinds {
namespace {

constexpr std::array<std::string_view, 3> kProbes = {"livenessProbe", "readinessProbe", "startupProbe"};
constexpr std::string_view kNotForInit = "may not be set for init containers without restartPolicy=Always";
constexpr std::string_view kNotForEphemeral = "cannot be set for an Ephemeral Container";
constexpr std::string_view kOneHandler = "may not specify more than 1 handler type";

void check_http_get(const JsonObject& action, const At& at, Errors& errors) {
  if (get_text(action, "path").empty()) errors.required(at, "path");
  each(action, "httpHeaders", [&](const JsonObject& header) {
    std::string_view name = get_text(header, "name");
    if (!name.empty()) errors.format(at, "httpHeaders", "http-header", name);
  });
}

// Exactly one way to probe or to call; what is below the way is for the tree to say.
void check_handler(const JsonObject& handler, int64_t grace, const At& at, Errors& errors) {
  size_t seen = 0;
  for (std::string_view key : {"exec", "httpGet", "tcpSocket", "grpc", "sleep"}) {
    const JsonObject* action = get_object(handler, key);
    if (action == nullptr) continue;
    At here = at.child(key);
    if (++seen > 1) {
      errors.forbidden(here, "", kOneHandler);
    } else if (key == "httpGet") {
      check_http_get(*action, here, errors);
    } else if (key == "sleep" && (get_number(*action, "seconds") < 0 || get_number(*action, "seconds") > grace)) {
      errors.invalid(
          here, "", get_number(*action, "seconds"),
          "must be non-negative and less than terminationGracePeriodSeconds (" + std::to_string(grace) + ")");
    }
  }
  if (seen == 0) errors.required(at, "", "must specify a handler type");
}

void check_probes(const JsonObject& container, int64_t grace, const At& at, Errors& errors) {
  for (std::string_view key : kProbes) {
    const JsonObject* probe = get_object(container, key);
    if (probe == nullptr) continue;
    At here = at.child(key);
    check_handler(*probe, grace, here, errors);
    if (key != "readinessProbe" && get_number(*probe, "successThreshold") != 1) {
      errors.invalid(here, "successThreshold", get_number(*probe, "successThreshold"), "must be 1");
    }
    const Json* own = get(*probe, "terminationGracePeriodSeconds");
    if (key == "readinessProbe" && own != nullptr) {
      errors.invalid(here, "terminationGracePeriodSeconds", *own, "must not be set for readinessProbes");
    }
  }
}

void check_lifecycle(const PodParts& parts, const JsonObject& container, int64_t grace, const At& at, Errors& errors) {
  const JsonObject* lifecycle = get_object(container, "lifecycle");
  if (lifecycle == nullptr) return;
  At here = at.child("lifecycle");
  for (std::string_view key : {"postStart", "preStop"}) {
    if (const JsonObject* hook = get_object(*lifecycle, key)) check_handler(*hook, grace, here.child(key), errors);
  }
  const JsonObject* os = get_object(parts.spec, "os");
  if (get(*lifecycle, "stopSignal") != nullptr && (os == nullptr || get_text(*os, "name").empty())) {
    errors.forbidden(here, "stopSignal", "may not be set for containers with empty `spec.os.name`");
  }
}

void check_ports(const JsonObject& container, const At& at, Errors& errors) {
  std::set<std::string_view> names;
  size_t i = 0;
  each(container, "ports", [&](const JsonObject& port) {
    At here = at.child("ports", i++);
    std::string_view name = get_text(port, "name");
    if (!name.empty() && !names.insert(name).second) errors.duplicate(here, "name", Json(name));
    if (get_text(port, "protocol").empty()) errors.required(here, "protocol");
  });
}

void check_mount(const PodParts& parts, const JsonObject& container, const JsonObject& mount, const At& at,
                 Errors& errors) {
  std::string_view name = get_text(mount, "name"), sub = get_text(mount, "subPath");
  std::string_view expression = get_text(mount, "subPathExpr"), propagation = get_text(mount, "mountPropagation");
  if (!name.empty() && !parts.volumes.contains(name)) errors.not_found(at, "name", name);
  if (!sub.empty()) check_descending_path(sub, at, "subPath", errors);
  if (!expression.empty()) {
    if (!sub.empty()) {
      errors.invalid(at, "subPathExpr", Json(expression), "subPathExpr and subPath are mutually exclusive");
    }
    check_descending_path(expression, at, "subPathExpr", errors);
  }
  const JsonObject* security = get_object(container, "securityContext");
  if (propagation == "Bidirectional" && (security == nullptr || !get_flag(*security, "privileged"))) {
    errors.forbidden(at, "mountPropagation",
                     "Bidirectional mount propagation is available only to privileged containers");
  }
  std::string_view recursive = get_text(mount, "recursiveReadOnly");
  if (recursive != "Enabled" && recursive != "IfPossible") return;
  if (!get_flag(mount, "readOnly")) {
    errors.forbidden(at, "recursiveReadOnly", "may only be specified when readOnly is true");
  }
  if (!propagation.empty() && propagation != "None") {
    errors.forbidden(at, "recursiveReadOnly", "may only be specified when mountPropagation is None or not specified");
  }
}

void check_mounts(const PodParts& parts, const JsonObject& container, const At& at, Errors& errors) {
  std::set<std::string_view> paths, devices;
  each(container, "volumeDevices", [&](const JsonObject& device) { devices.insert(get_text(device, "devicePath")); });
  size_t i = 0;
  each(container, "volumeMounts", [&](const JsonObject& mount) {
    At here = at.child("volumeMounts", i++);
    std::string_view path = get_text(mount, "mountPath");
    if (!path.empty() && !paths.insert(path).second) errors.invalid(here, "mountPath", Json(path), "must be unique");
    if (devices.contains(path)) {
      errors.invalid(here, "mountPath", Json(path), "must not already exist as a path in volumeDevices");
    }
    check_mount(parts, container, mount, here, errors);
  });
  i = 0;
  devices.clear();
  each(container, "volumeDevices", [&](const JsonObject& device) {
    At here = at.child("volumeDevices", i++);
    std::string_view path = get_text(device, "devicePath"), name = get_text(device, "name");
    if (!path.empty() && !devices.insert(path).second) errors.invalid(here, "devicePath", Json(path), "must be unique");
    if (!name.empty() && !parts.volumes.contains(name)) errors.not_found(here, "name", name);
  });
}

void check_security(const JsonObject& container, const At& at, Errors& errors) {
  const JsonObject* context = get_object(container, "securityContext");
  if (context == nullptr) return;
  At here = at.child("securityContext");
  check_profiles(*context, here, errors);
  const Json* escalation = get(*context, "allowPrivilegeEscalation");
  if (escalation == nullptr || *escalation != Json(false)) return;
  constexpr std::string_view kCannot = "cannot set `allowPrivilegeEscalation` to false and ";
  if (get_flag(*context, "privileged")) {
    errors.invalid(here, "", *context, std::string(kCannot) + "`privileged` to true");
  }
  const JsonObject* capabilities = get_object(*context, "capabilities");
  const JsonArray* added = capabilities != nullptr ? get_array(*capabilities, "add") : nullptr;
  for (size_t i = 0; added != nullptr && i < added->size(); ++i) {
    if ((*added)[i] == Json("CAP_SYS_ADMIN")) {
      errors.invalid(here, "", *context, std::string(kCannot) + "`capabilities.Add` CAP_SYS_ADMIN");
    }
  }
}

void check_own_restarts(const JsonObject& container, const At& at, Errors& errors) {
  const Json* policy = get(container, "restartPolicy");
  std::string_view text = get_text(container, "restartPolicy");
  if (policy != nullptr && text != "Always" && text != "Never" && text != "OnFailure") {
    errors.not_supported(at, "restartPolicy", text, {"Always", "Never", "OnFailure"});
  }
  const JsonArray* rules = get_array(container, "restartPolicyRules");
  if (rules == nullptr || rules->empty()) return;
  if (policy == nullptr) errors.required(at, "restartPolicy", "must specify restartPolicy when restart rules are used");
  if (rules->size() > 20) errors.too_many(at, "restartPolicyRules", rules->size(), 20);
}

// What all three sorts have in common.
void check_common(const PodParts& parts, const JsonObject& container, const At& at, Errors& errors) {
  std::string_view image = get_text(container, "image");
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  if (parts.is_pod && !image.empty() &&
      (kSpace.find(image.front()) != std::string_view::npos || kSpace.find(image.back()) != std::string_view::npos)) {
    errors.invalid(at, "image", Json(image), "must not have leading or trailing whitespace");
  }
  for (std::string_view key : {"terminationMessagePolicy", "imagePullPolicy"}) {
    if (get_text(container, key).empty()) errors.required(at, key);
  }
  check_ports(container, at, errors);
  check_environment(container, at, errors);
  check_mounts(parts, container, at, errors);
  if (const JsonObject* resources = get_object(container, "resources")) {
    At here = at.child("resources");
    check_resources(*resources, here, errors);
    check_claims(parts.claims, *resources, here, errors);
  }
  check_security(container, at, errors);
  check_own_restarts(container, at, errors);
}

void check_regular(const PodParts& parts, const JsonObject& container, const At& at, Errors& errors) {
  int64_t grace = get_number(parts.spec, "terminationGracePeriodSeconds", 30);
  check_probes(container, grace, at, errors);
  check_lifecycle(parts, container, grace, at, errors);
}

void check_init(const PodParts& parts, const JsonObject& container, const At& at, Errors& errors) {
  if (get_text(container, "restartPolicy") == "Always") return check_regular(parts, container, at, errors);
  for (std::string_view key : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"}) {
    if (get(container, key) != nullptr) errors.forbidden(at, key, kNotForInit);
  }
}

void check_ephemeral(const JsonObject& container, const std::set<std::string_view>& others, const At& at,
                     Errors& errors) {
  std::string_view target = get_text(container, "targetContainerName");
  if (!target.empty() && !others.contains(target)) errors.not_found(at, "targetContainerName", target);
  for (std::string_view key : {"ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources",
                               "restartPolicy", "restartPolicyRules", "resizePolicy"}) {
    const Json* value = get(container, key);
    bool empty = value == nullptr || (value->is_object() && value->get_object().empty()) ||
                 (value->is_array() && value->get_array().empty());
    if (!empty) errors.forbidden(at, key, kNotForEphemeral);
  }
  size_t i = 0;
  each(container, "volumeMounts", [&](const JsonObject& mount) {
    At here = at.child("volumeMounts", i++);
    for (std::string_view key : {"subPath", "subPathExpr"}) {
      if (!get_text(mount, key).empty()) errors.forbidden(here, key, kNotForEphemeral);
    }
  });
}

void add_host_ports(const JsonObject& container, std::set<std::string>& taken, const At& at, Errors& errors) {
  size_t i = 0;
  each(container, "ports", [&](const JsonObject& port) {
    At here = at.child("ports", i++);
    int64_t number = get_number(port, "hostPort");
    if (number == 0) return;
    std::string text(get_text(port, "protocol"));
    text.append("/").append(get_text(port, "hostIP")).append("/").append(std::to_string(number));
    if (!taken.insert(text).second) errors.duplicate(here, "hostPort", Json(text));
  });
}

void check_host_network(const PodParts& parts, const JsonObject& container, const At& at, Errors& errors) {
  if (!get_flag(parts.spec, "hostNetwork")) return;
  size_t i = 0;
  each(container, "ports", [&](const JsonObject& port) {
    At here = at.child("ports", i++);
    int64_t host = get_number(port, "hostPort"), inside = get_number(port, "containerPort");
    // A template may leave it to the pod's defaulting.
    if ((parts.is_pod || host != 0) && host != inside) {
      errors.invalid(here, "hostPort", host, "must match `containerPort` when `hostNetwork` is true");
    }
  });
}

// Names are unique over all lists; equal ones in one list are found by the tree.
void add_name(const JsonObject& container, const std::set<std::string_view>& others, const At& at, Errors& errors) {
  std::string_view name = get_text(container, "name");
  if (!name.empty() && others.contains(name)) errors.duplicate(at, "name", Json(name));
}

}  // namespace

void check_containers(const PodParts& parts, const At& at, Errors& errors) {
  std::set<std::string_view> names, init_names;
  std::set<std::string> host_ports;
  size_t i = 0;
  each(parts.spec, "containers", [&](const JsonObject& container) {
    At here = at.child("containers", i++);
    check_common(parts, container, here, errors);
    check_regular(parts, container, here, errors);
    add_host_ports(container, host_ports, here, errors);
    check_host_network(parts, container, here, errors);
    names.insert(get_text(container, "name"));
  });
  i = 0;
  each(parts.spec, "initContainers", [&](const JsonObject& container) {
    At here = at.child("initContainers", i++);
    // They run one by one, so that their ports only clash with themselves.
    std::set<std::string> own_ports;
    check_common(parts, container, here, errors);
    check_init(parts, container, here, errors);
    add_host_ports(container, own_ports, here, errors);
    add_name(container, names, here, errors);
    init_names.insert(get_text(container, "name"));
  });
  names.merge(init_names);
  i = 0;
  each(parts.spec, "ephemeralContainers", [&](const JsonObject& container) {
    At here = at.child("ephemeralContainers", i++);
    check_common(parts, container, here, errors);
    check_ephemeral(container, names, here, errors);
    add_name(container, names, here, errors);
  });
}

}  // namespace gantry::kinds
