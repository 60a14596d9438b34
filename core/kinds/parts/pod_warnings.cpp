// Owns what is told of pods and their templates, but for overlapping paths (pod_path_warnings.cpp). Pure, any thread.
#include "core/kinds/parts/pod_warnings.hpp"

#include <map>
#include <set>

#include "core/kinds/parts/label_warnings.hpp"
#include "core/kinds/parts/storage_warnings.hpp"

namespace gantry::kinds {
namespace {

constexpr std::string_view kNoSelector = "a null labelSelector results in matching no pod";
constexpr std::string_view kSeccomp = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
constexpr std::string_view kArmor = "deprecated since v1.30; use the \"appArmorProfile\" field instead";

struct OldAnnotation {
  std::string_view key, words;
};
constexpr OldAnnotation kOldAnnotations[] = {
    {"scheduler.alpha.kubernetes.io/critical-pod",
     "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
    {"security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"},
    {"security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"},
};

// One pod, or template, at a place.
class Teller {
 public:
  Teller(const JsonObject& pod, const At& at, Warnings& warnings)
      : annotations_(object_at(object_at(pod, "metadata"), "annotations")),
        pod_(object_at(pod, "spec")),
        metadata_(at.child("metadata")),
        spec_(at.child("spec")),
        warnings_(warnings) {}

  void tell() {
    warn_node_labels(pod_, "nodeSelector", spec_, warnings_);
    node_affinity();
    spread();
    for (const auto& old : kOldAnnotations) annotation(old.key, {}, old.words);
    volumes();
    warn_volume_paths(pod_, warnings_);
    twice("hostAliases", "ip");
    twice("imagePullSecrets", "name");
    empty_names();
    for (const std::string_view key : {"memory", "ephemeral-storage"}) {
      warn_fraction(object_at(pod_, "overhead"), key, spec_, "overhead", warnings_);
    }
    if (!has_profile(pod_, "seccompProfile")) annotation("seccomp.security.alpha.kubernetes.io/pod", {}, kSeccomp);
    containers([this](const JsonObject& container, const At& at) { one(container, at); });
    containers([this](const JsonObject& container, const At& at) { ports(container, at); });
    if (get_number(pod_, "terminationGracePeriodSeconds") < 0) {
      warnings_.add(spec_, "terminationGracePeriodSeconds",
                    "must be >= 0; negative values are invalid and will be treated as 1");
    }
    pod_affinity();
  }

 private:
  struct Port {
    std::string path;
    std::string_view host_ip;
    int64_t host_port;
  };

  static bool has_profile(const JsonObject& object, std::string_view key) {
    return get(object_at(object, "securityContext"), key) != nullptr;
  }

  void annotation(std::string_view prefix, std::string_view rest, std::string_view words) {
    if (annotations_.empty()) return;
    const std::string key = std::string(prefix).append(rest);
    if (annotations_.contains(key)) warnings_.add(metadata_.key("annotations", key), "", words);
  }

  void node_affinity() {
    const JsonObject& affinity = object_at(object_at(pod_, "affinity"), "nodeAffinity");
    const At up = spec_.child("affinity"), at = up.child("nodeAffinity");
    const At required = at.child("requiredDuringSchedulingIgnoredDuringExecution");
    size_t i = 0;
    each(object_at(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), "nodeSelectorTerms",
         [&](const JsonObject& term) {
           const At here = required.child("nodeSelectorTerms", i++);
           warn_node_expressions(term, here, warnings_);
         });
    i = 0;
    each(affinity, "preferredDuringSchedulingIgnoredDuringExecution", [&](const JsonObject& weighted) {
      const At here = at.child("preferredDuringSchedulingIgnoredDuringExecution", i++);
      warn_node_expressions(object_at(weighted, "preference"), here.child("preference"), warnings_);
    });
  }

  void spread() {
    size_t i = 0;
    each(pod_, "topologySpreadConstraints", [&](const JsonObject& constraint) {
      const At here = spec_.child("topologySpreadConstraints", i++);
      const std::string_view key = get_text(constraint, "topologyKey"), words = node_label_deprecation(key);
      if (!words.empty()) warnings_.add(here, "topologyKey", std::string(key).append(" is ").append(words));
      if (get(constraint, "labelSelector") == nullptr) warnings_.add(here, "labelSelector", kNoSelector);
    });
  }

  void volumes() {
    size_t i = 0;
    each(pod_, "volumes", [&](const JsonObject& volume) {
      const At here = spec_.child("volumes", i++);
      warn_old_volume(volume, here, true, warnings_);
      const JsonObject* claim = get_object(object_at(volume, "ephemeral"), "volumeClaimTemplate");
      if (claim == nullptr) return;
      const At up = here.child("ephemeral"), at = up.child("volumeClaimTemplate");
      warn_claim_spec(object_at(*claim, "spec"), at.child("spec"), warnings_);
    });
  }

  static bool has_several(const JsonObject& object, std::string_view list) {
    const JsonArray* items = get_array(object, list);
    return items != nullptr && items->size() > 1;
  }

  // Elements of a list that have the same `key`.
  void twice(std::string_view list, std::string_view key) {
    if (!has_several(pod_, list)) return;
    std::set<std::string_view> seen;
    size_t i = 0;
    each(pod_, list, [&](const JsonObject& item) {
      const At here = spec_.child(list, i++);
      const std::string_view value = get_text(item, key);
      if (seen.insert(value).second) return;
      warnings_.add(here, key, "duplicate " + std::string(key) + " " + schema::quoted(value));
    });
  }

  void empty_names() {
    size_t i = 0;
    each(pod_, "imagePullSecrets", [&](const JsonObject& item) {
      const At here = spec_.child("imagePullSecrets", i++);
      if (get_text(item, "name").empty()) warnings_.add(here, "name", "invalid empty name \"\"");
    });
  }

  template <typename Visit>
  void containers(Visit&& visit) {
    for (const std::string_view list : {"initContainers", "containers", "ephemeralContainers"}) {
      size_t i = 0;
      each(pod_, list, [&](const JsonObject& container) {
        const At here = spec_.child(list, i++);
        if (!warnings_.full()) visit(container, here);
      });
    }
  }

  void one(const JsonObject& container, const At& at) {
    const std::string_view name = get_text(container, "name");
    if (!has_profile(container, "seccompProfile")) {
      annotation("container.seccomp.security.alpha.kubernetes.io/", name, kSeccomp);
    }
    if (!has_profile(pod_, "appArmorProfile") && !has_profile(container, "appArmorProfile")) {
      annotation("container.apparmor.security.beta.kubernetes.io/", name, kArmor);
    }
    const JsonObject& resources = object_at(container, "resources");
    const At here = at.child("resources");
    for (const std::string_view key : {"memory", "ephemeral-storage"}) {
      for (const std::string_view list : {"limits", "requests"}) {
        warn_fraction(object_at(resources, list), key, here, list, warnings_);
      }
    }
    environment(container, at);
  }

  // A later definition is fine when it builds on the one before it.
  void environment(const JsonObject& container, const At& at) {
    if (!has_several(container, "env")) return;
    std::set<std::string_view> seen;
    size_t i = 0;
    each(container, "env", [&](const JsonObject& variable) {
      const At here = at.child("env", i++);
      const std::string_view name = get_text(variable, "name"), value = get_text(variable, "value");
      if (seen.insert(name).second) return;
      const std::string reference = "$(" + std::string(name) + ")";
      const bool builds = value != reference && value.find(reference) != std::string_view::npos;
      if (builds && get(variable, "valueFrom") == nullptr) return;
      warnings_.add(here, "",
                    "hides previous definition of " + schema::quoted(name) + ", which may be dropped when using apply");
    });
  }

  void ports(const JsonObject& container, const At& at) {
    size_t i = 0;
    each(container, "ports", [&](const JsonObject& port) {
      const At here = at.child("ports", i++);
      if (!warnings_.full()) one_port(port, here);
    });
  }

  void one_port(const JsonObject& port, const At& at) {
    constexpr size_t kCompared = 32;
    const std::string_view host_ip = get_text(port, "hostIP"), protocol = get_text(port, "protocol");
    const int64_t host_port = get_number(port, "hostPort"), number = get_number(port, "containerPort");
    if (!host_ip.empty() && host_port == 0) {
      warnings_.add(at, "",
                    "hostIP set without hostPort: {Name:" + std::string(get_text(port, "name")) +
                        " HostPort:0 ContainerPort:" + std::to_string(number) + " Protocol:" + std::string(protocol) +
                        " HostIP:" + std::string(host_ip) + "}");
    }
    auto& others = ports_[{number, protocol}];
    for (const auto& other : others) {
      const bool same_port = host_port == other.host_port;
      const std::string_view what = same_port && host_ip == other.host_ip                     ? "duplicate"
                                    : host_port == 0 || other.host_port == 0                  ? "overlapping"
                                    : same_port && (host_ip.empty() || other.host_ip.empty()) ? "dangerously ambiguous"
                                                                                              : "";
      if (!what.empty()) warnings_.add(at, "", std::string(what).append(" port definition with ").append(other.path));
    }
    if (others.size() < kCompared) others.push_back({at.text(), host_ip, host_port});
  }

  void pod_affinity() {
    const At up = spec_.child("affinity");
    for (const std::string_view kind : {"podAffinity", "podAntiAffinity"}) {
      const JsonObject& affinity = object_at(object_at(pod_, "affinity"), kind);
      const At at = up.child(kind);
      size_t i = 0;
      each(affinity, "requiredDuringSchedulingIgnoredDuringExecution", [&](const JsonObject& term) {
        const At here = at.child("requiredDuringSchedulingIgnoredDuringExecution", i++);
        if (get(term, "labelSelector") == nullptr) warnings_.add(here, "labelSelector", kNoSelector);
      });
      i = 0;
      each(affinity, "preferredDuringSchedulingIgnoredDuringExecution", [&](const JsonObject& weighted) {
        const At above = at.child("preferredDuringSchedulingIgnoredDuringExecution", i++);
        const At here = above.child("podAffinityTerm");
        const JsonObject& term = object_at(weighted, "podAffinityTerm");
        if (get(term, "labelSelector") == nullptr) warnings_.add(here, "labelSelector", kNoSelector);
      });
    }
  }

  const JsonObject& annotations_;
  const JsonObject& pod_;
  const At metadata_, spec_;
  Warnings& warnings_;
  std::map<std::pair<int64_t, std::string_view>, std::vector<Port>> ports_;
};

}  // namespace

void warn_template(const JsonObject& pod_template, const At& at, Warnings& warnings) {
  Teller(pod_template, at, warnings).tell();
}

bool is_news(const JsonObject& object, const JsonObject* old) {
  if (old == nullptr) return true;
  return get_number(object_at(object, "metadata"), "generation") !=
         get_number(object_at(*old, "metadata"), "generation");
}

void warn_template_of(const JsonObject& object, const JsonObject* old, Warnings& warnings) {
  const JsonObject* pod_template = get_object(object_at(object, "spec"), "template");
  if (pod_template == nullptr || !is_news(object, old)) return;
  const At root, spec = root.child("spec");
  warn_template(*pod_template, spec.child("template"), warnings);
}

void warn_workload(const JsonObject& object, const JsonObject* old, Warnings& warnings) {
  if (old == nullptr) warn_name(object, warnings);
  warn_template_of(object, old, warnings);
}

}  // namespace gantry::kinds
