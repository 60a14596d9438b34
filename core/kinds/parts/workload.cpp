// Rules and defaults of what makes pods from a template: the selector and the template, the ways to roll out, counts.
// Pure functions, any thread.
#include "core/kinds/parts/workload.hpp"

#include <algorithm>

#include "core/kinds/parts/pod_defaults.hpp"
#include "core/kinds/parts/pod_rules.hpp"
#include "core/schema/selector/selector.hpp"

namespace gantry::kinds {
namespace {

bool is_empty_selector(const JsonObject& selector) {
  const JsonObject* labels = get_object(selector, "matchLabels");
  const JsonArray* expressions = get_array(selector, "matchExpressions");
  return (labels == nullptr || labels->empty()) && (expressions == nullptr || expressions->empty());
}

void check_template(const JsonObject& spec, const JsonObject& selector, const At& at, Errors& errors) {
  const JsonObject* pod_template = get_object(spec, "template");
  At here = at.child("template");
  static const JsonObject kNone;
  const JsonObject* metadata = pod_template != nullptr ? get_object(*pod_template, "metadata") : nullptr;
  const JsonObject* labels = metadata != nullptr ? get_object(*metadata, "labels") : nullptr;
  if (!is_empty_selector(selector)) {
    auto parsed = schema::LabelSelector::from_document(selector);
    const JsonObject& have = labels != nullptr ? *labels : kNone;
    if (parsed && !parsed->matches(have)) {
      At there = here.child("metadata");
      errors.invalid(there, "labels", have, "`selector` does not match template `labels`");
    }
  }
  if (pod_template == nullptr) return errors.required(at, "template");
  check_pod_template(*pod_template, here, errors);
  const JsonObject* pod = get_object(*pod_template, "spec");
  if (pod == nullptr) return;
  At there = here.child("spec");
  std::string_view policy = get_text(*pod, "restartPolicy");
  if (policy == "OnFailure" || policy == "Never") errors.not_supported(there, "restartPolicy", policy, {"Always"});
  if (get(*pod, "activeDeadlineSeconds") != nullptr) {
    errors.forbidden(there, "activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported");
  }
}

}  // namespace

JsonObject* template_spec(JsonObject& parent) {
  JsonObject* pod_template = get_object(parent, "template");
  return pod_template != nullptr ? get_object(*pod_template, "spec") : nullptr;
}

void default_template_before(JsonObject& object) {
  JsonObject* spec = get_object(object, "spec");
  JsonObject* pod = spec != nullptr ? template_spec(*spec) : nullptr;
  if (pod != nullptr) default_pod_spec_before(*pod);
}

void default_template_after(JsonObject& object) {
  JsonObject* spec = get_object(object, "spec");
  JsonObject* pod = spec != nullptr ? template_spec(*spec) : nullptr;
  if (pod != nullptr) default_pod_spec_after(*pod);
}

void keep_labels(JsonObject& next, const JsonObject& old) {
  if (const JsonObject* metadata = get_object(old, "metadata")) {
    take_key(ensure_object(next, "metadata"), *metadata, "labels");
  }
}

void check_selected(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonObject* selector = get_object(spec, "selector");
  static const JsonObject kNone;
  if (selector != nullptr) {
    At here = at.child("selector");
    check_label_selector(*selector, here, errors);
    if (is_empty_selector(*selector)) {
      errors.invalid(here, "", *selector, "empty selector is invalid for deployment");
    }
  }
  check_template(spec, selector != nullptr ? *selector : kNone, at, errors);
}

int64_t check_share(const JsonObject& object, std::string_view key, bool at_most_hundred, const At& at,
                    Errors& errors) {
  const Json* value = get(object, key);
  if (value == nullptr) return 0;
  if (const int64_t* number = value->if_int64()) {
    if (*number < 0) errors.invalid(at, key, *value, "must be greater than or equal to 0");
    return *number;
  }
  const auto* text = value->if_string();
  std::string_view digits = text != nullptr ? std::string_view(*text) : std::string_view();
  bool percent = digits.size() > 1 && digits.ends_with('%') && digits.size() < 10;
  if (percent) {
    digits.remove_suffix(1);
    percent = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  }
  if (!percent) {
    errors.invalid(at, key, *value,
                   "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
                   "regex used for validation is '[0-9]+%')");
    return 1;
  }
  int64_t number = std::stoll(std::string(digits));
  if (at_most_hundred && number > 100) errors.invalid(at, key, *value, "must not be greater than 100%");
  return number;
}

void check_strategy(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonObject* strategy = get_object(spec, "strategy");
  if (strategy == nullptr) return;
  At here = at.child("strategy");
  const JsonObject* rolling = get_object(*strategy, "rollingUpdate");
  std::string_view type = get_text(*strategy, "type");
  if (type == "Recreate" && rolling != nullptr) {
    return errors.forbidden(here, "rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
  }
  if (type != "RollingUpdate") return;
  if (rolling == nullptr) {
    return errors.required(here, "rollingUpdate", "this should be defaulted and never be nil");
  }
  At there = here.child("rollingUpdate");
  size_t before = errors.size();
  int64_t unavailable = check_share(*rolling, "maxUnavailable", true, there, errors);
  int64_t surge = check_share(*rolling, "maxSurge", false, there, errors);
  if (errors.size() == before && unavailable == 0 && surge == 0) {
    const Json* value = get(*rolling, "maxUnavailable");
    errors.invalid(there, "maxUnavailable", value != nullptr ? *value : Json(0), "may not be 0 when `maxSurge` is 0");
  }
}

void check_counts(const JsonObject& object, const JsonObject* old, std::initializer_list<std::string_view> parts,
                  Errors& errors) {
  const JsonObject* status = get_object(object, "status");
  const JsonObject* before = old != nullptr ? get_object(*old, "status") : nullptr;
  if (status == nullptr || old == nullptr || (before != nullptr && same_json(*status, *before))) return;
  At root;
  At at = root.child("status");
  for (std::string_view key :
       {"observedGeneration", "replicas", "fullyLabeledReplicas", "updatedReplicas", "readyReplicas",
        "availableReplicas", "unavailableReplicas", "terminatingReplicas", "collisionCount"}) {
    if (get_number(*status, key) < 0) {
      errors.invalid(at, key, get_number(*status, key), "must be greater than or equal to 0");
    }
  }
  int64_t replicas = get_number(*status, "replicas"), ready = get_number(*status, "readyReplicas");
  for (std::string_view key : parts) {
    if (get_number(*status, key) > replicas) {
      errors.invalid(at, key, get_number(*status, key), "cannot be greater than status.replicas");
    }
  }
  if (get_number(*status, "availableReplicas") > ready) {
    errors.invalid(at, "availableReplicas", get_number(*status, "availableReplicas"),
                   "cannot be greater than readyReplicas");
  }
  if (before != nullptr && get_number(*status, "collisionCount") < get_number(*before, "collisionCount")) {
    errors.invalid(at, "collisionCount", get_number(*status, "collisionCount"), "cannot be decremented");
  }
}

const JsonObject* changed_spec(const JsonObject& object, const JsonObject* old) {
  const JsonObject* spec = get_object(object, "spec");
  const JsonObject* before = old != nullptr ? get_object(*old, "spec") : nullptr;
  return spec != nullptr && before != nullptr && same_json(*spec, *before) ? nullptr : spec;
}

}  // namespace gantry::kinds
