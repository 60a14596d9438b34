// Owns the conditional defaults of pod specs. Any thread.
#include "core/kinds/parts/pod_defaults.hpp"

#include <array>

namespace gantry::kinds {
namespace {

constexpr std::array<std::string_view, 3> kContainerLists = {"initContainers", "containers", "ephemeralContainers"};

template <typename Visit>
void each_container(JsonObject& spec, Visit&& visit) {
  for (std::string_view list : kContainerLists) each(spec, list, visit);
}

void default_host_ports(JsonObject& spec) {
  if (!get_flag(spec, "hostNetwork")) return;
  for (std::string_view list : {"containers", "initContainers"}) {
    each(spec, list, [](JsonObject& container) {
      each(container, "ports", [](JsonObject& port) {
        if (get_number(port, "hostPort") == 0 && get_number(port, "containerPort") != 0) {
          port["hostPort"] = get_number(port, "containerPort");
        }
      });
    });
  }
}

// serviceAccount is the old name of serviceAccountName; both are kept alike.
void copy_service_account(JsonObject& spec) {
  std::string name(get_text(spec, "serviceAccountName"));
  if (name.empty()) name = get_text(spec, "serviceAccount");
  if (name.empty()) return;
  spec["serviceAccountName"] = name;
  spec["serviceAccount"] = name;
}

void default_probe_grace(JsonObject& container) {
  // The scheme of an httpGet probe and the numbers are constants of the schema; nothing depends on others here,
  // except that gRPC's service is the empty name.
  for (std::string_view probe_key : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    JsonObject* probe = get_object(container, probe_key);
    JsonObject* grpc = probe != nullptr ? get_object(*probe, "grpc") : nullptr;
    if (grpc != nullptr && get(*grpc, "service") == nullptr) (*grpc)["service"] = "";
  }
}

void requests_from_limits(JsonObject& holder) {
  JsonObject* resources = get_object(holder, "resources");
  const JsonObject* given = resources != nullptr ? get_object(*resources, "limits") : nullptr;
  if (given == nullptr || given->empty()) return;
  JsonObject& requests = ensure_object(*resources, "requests");  // may move what is beside it
  const JsonObject& limits = *get_object(*resources, "limits");
  for (const auto& limit : limits) {
    if (get(requests, limit.key()) == nullptr) {
      Json copy = limit.value();
      requests[limit.key()] = std::move(copy);
    }
  }
}

// Image references: "Always" for :latest or no tag at all, else "IfNotPresent".
std::string_view pull_policy_of(std::string_view image) {
  if (size_t digest = image.find('@'); digest != std::string_view::npos) {
    // A digest without a tag counts as pinned.
    std::string_view name = image.substr(0, digest);
    size_t colon = name.rfind(':');
    bool tagged = colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos;
    return tagged && name.substr(colon + 1) == "latest" ? "Always" : "IfNotPresent";
  }
  size_t colon = image.rfind(':');
  bool tagged = colon != std::string_view::npos && image.find('/', colon) == std::string_view::npos;
  if (!tagged) return "Always";
  return image.substr(colon + 1) == "latest" ? "Always" : "IfNotPresent";
}

}  // namespace

void default_pod_spec_before(JsonObject& spec) { copy_service_account(spec); }

void default_pod_spec_after(JsonObject& spec) {
  each_container(spec, [](JsonObject& container) {
    if (get_text(container, "imagePullPolicy").empty()) {
      container["imagePullPolicy"] = pull_policy_of(get_text(container, "image"));
    }
    default_probe_grace(container);
  });
  each(spec, "volumes", [](JsonObject& volume) {
    if (JsonObject* image = get_object(volume, "image"); image != nullptr && get_text(*image, "pullPolicy").empty()) {
      (*image)["pullPolicy"] = pull_policy_of(get_text(*image, "reference"));
    }
    // A volume without a source is an empty directory.
    if (volume.size() == 1 && volume.contains("name")) volume["emptyDir"] = JsonObject();
  });
}

void default_pod(JsonObject& spec) {
  // Templates keep what was written; only pods show the ports and requests that follow from other fields.
  default_host_ports(spec);
  for (std::string_view list : {"containers", "initContainers"}) each(spec, list, requests_from_limits);
  requests_from_limits(spec);
  if (get(spec, "enableServiceLinks") == nullptr) spec["enableServiceLinks"] = true;
}

}  // namespace gantry::kinds
