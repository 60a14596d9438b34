// Owns the rules of where a pod goes: tolerations, affinity, spreading, gates. Pure functions, any thread.
#include <set>

#include "core/kinds/parts/pod_rules.hpp"

namespace gantry::kinds {
namespace {

constexpr std::string_view kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr std::string_view kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

size_t count(const JsonObject& object, std::string_view key) {
  const JsonArray* list = get_array(object, key);
  return list != nullptr ? list->size() : 0;
}

void check_toleration(const JsonObject& toleration, const At& at, Errors& errors) {
  std::string_view op = get_text(toleration, "operator"), effect = get_text(toleration, "effect");
  std::string_view value = get_text(toleration, "value");
  if (get_text(toleration, "key").empty() && op != "Exists") {
    errors.invalid(at, "operator", Json(op),
                   "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
  }
  if (get(toleration, "tolerationSeconds") != nullptr && effect != "NoExecute") {
    errors.invalid(at, "effect", Json(effect), "effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  if (op == "Exists" && !value.empty()) {
    errors.invalid(at, "operator", Json(value), "value must be empty when `operator` is 'Exists'");
  }
  if (op.empty() || op == "Equal") errors.format(at, "operator", "label-value", value);
}

// Values that go with the operator of a requirement.
void check_requirement(const JsonObject& requirement, const At& at, Errors& errors) {
  std::string_view op = get_text(requirement, "operator");
  size_t values = count(requirement, "values");
  if ((op == "In" || op == "NotIn") && values == 0) {
    errors.required(at, "values", "must be specified when `operator` is 'In' or 'NotIn'");
  }
  if ((op == "Exists" || op == "DoesNotExist") && values > 0) {
    errors.forbidden(at, "values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  }
  if ((op == "Gt" || op == "Lt") && values != 1) {
    errors.required(at, "values", "must be specified single value when `operator` is 'Lt' or 'Gt'");
  }
}

void check_field_requirement(const JsonObject& requirement, const At& at, Errors& errors) {
  std::string_view op = get_text(requirement, "operator"), key = get_text(requirement, "key");
  if (op != "In" && op != "NotIn") {
    errors.invalid(at, "operator", Json(op), "not a valid selector operator");
  } else if (count(requirement, "values") != 1) {
    errors.required(at, "values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  }
  if (key != "metadata.name") errors.invalid(at, "key", Json(key), "not a valid field selector key");
}

void check_term(const JsonObject& term, const At& at, Errors& errors) {
  size_t i = 0;
  each(term, "matchExpressions", [&](const JsonObject& requirement) {
    check_requirement(requirement, at.child("matchExpressions", i++), errors);
  });
  i = 0;
  each(term, "matchFields", [&](const JsonObject& requirement) {
    check_field_requirement(requirement, at.child("matchFields", i++), errors);
  });
}

void check_node_affinity(const JsonObject& affinity, const At& at, Errors& errors) {
  if (const JsonObject* required = get_object(affinity, kRequired)) {
    check_node_selector(*required, at.child(kRequired), errors);
  }
  size_t i = 0;
  each(affinity, kPreferred, [&](const JsonObject& preferred) {
    At here = at.child(kPreferred, i++);
    const JsonObject* term = get_object(preferred, "preference");
    if (term != nullptr) check_term(*term, here.child("preference"), errors);
  });
}

void check_affinity_term(const JsonObject& term, const At& at, Errors& errors) {
  for (std::string_view key : {"labelSelector", "namespaceSelector"}) {
    if (const JsonObject* selector = get_object(term, key)) check_label_selector(*selector, at.child(key), errors);
  }
  const JsonArray* namespaces = get_array(term, "namespaces");
  for (size_t i = 0; namespaces != nullptr && i < namespaces->size(); ++i) {
    const auto* name = (*namespaces)[i].if_string();
    if (name != nullptr) errors.format(at, "namespace", "dns1123-label", *name);
  }
}

void check_pod_affinity(const JsonObject& affinity, const At& at, Errors& errors) {
  size_t i = 0;
  each(affinity, kRequired,
       [&](const JsonObject& term) { check_affinity_term(term, at.child(kRequired, i++), errors); });
  i = 0;
  each(affinity, kPreferred, [&](const JsonObject& weighted) {
    At here = at.child(kPreferred, i++);
    const JsonObject* term = get_object(weighted, "podAffinityTerm");
    if (term != nullptr) check_affinity_term(*term, here.child("podAffinityTerm"), errors);
  });
}

void check_spread(const JsonObject& spec, const At& at, Errors& errors) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  size_t i = 0;
  each(spec, "topologySpreadConstraints", [&](const JsonObject& constraint) {
    At here = at.child("topologySpreadConstraints", i++);
    std::string_view key = get_text(constraint, "topologyKey"), otherwise = get_text(constraint, "whenUnsatisfiable");
    if (!seen.emplace(key, otherwise).second) {
      errors.duplicate(here, "{topologyKey, whenUnsatisfiable}",
                       Json("{" + std::string(key) + ", " + std::string(otherwise) + "}"));
    }
    if (get(constraint, "minDomains") != nullptr && otherwise != "DoNotSchedule") {
      errors.invalid(here, "minDomains", get_number(constraint, "minDomains"),
                     "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " + std::string(otherwise));
    }
    if (const JsonObject* selector = get_object(constraint, "labelSelector")) {
      check_label_selector(*selector, here.child("labelSelector"), errors);
    }
  });
}

}  // namespace

void check_node_selector(const JsonObject& selector, const At& at, Errors& errors) {
  size_t i = 0;
  each(selector, "nodeSelectorTerms",
       [&](const JsonObject& term) { check_term(term, at.child("nodeSelectorTerms", i++), errors); });
}

void check_label_selector(const JsonObject& selector, const At& at, Errors& errors) {
  if (const JsonObject* labels = get_object(selector, "matchLabels")) {
    schema::check_labels(*labels, at.child("matchLabels"), errors);
  }
  size_t i = 0;
  each(selector, "matchExpressions", [&](const JsonObject& requirement) {
    At here = at.child("matchExpressions", i++);
    check_requirement(requirement, here, errors);
    const JsonArray* values = get_array(requirement, "values");
    for (size_t value = 0; values != nullptr && value < values->size(); ++value) {
      const auto* text = (*values)[value].if_string();
      if (text != nullptr) errors.format(here.child("values", value), "", "label-value", *text);
    }
  });
}

void check_tolerations(const JsonObject& holder, const At& at, Errors& errors) {
  size_t i = 0;
  each(holder, "tolerations",
       [&](const JsonObject& toleration) { check_toleration(toleration, at.child("tolerations", i++), errors); });
}

void check_placement(const JsonObject& spec, const At& at, Errors& errors) {
  check_tolerations(spec, at, errors);
  if (const JsonObject* affinity = get_object(spec, "affinity")) {
    At here = at.child("affinity");
    if (const JsonObject* node = get_object(*affinity, "nodeAffinity")) {
      check_node_affinity(*node, here.child("nodeAffinity"), errors);
    }
    for (std::string_view key : {"podAffinity", "podAntiAffinity"}) {
      if (const JsonObject* pod = get_object(*affinity, key)) check_pod_affinity(*pod, here.child(key), errors);
    }
  }
  check_spread(spec, at, errors);
  if (count(spec, "schedulingGates") > 0 && !get_text(spec, "nodeName").empty()) {
    errors.forbidden(at, "nodeName", "cannot be set until all schedulingGates have been cleared");
  }
}

}  // namespace gantry::kinds
