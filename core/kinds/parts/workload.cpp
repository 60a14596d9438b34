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

bool is_nothing(const Json& value) {
  const JsonObject* object = value.if_object();
  if (object == nullptr) return value.is_null();
  return std::all_of(object->begin(), object->end(), [](const auto& entry) { return is_nothing(entry.value()); });
}

// Whether all that is in `a` is in `b`.
bool is_within(const JsonObject& a, const JsonObject& b) {
  return std::all_of(a.begin(), a.end(), [&](const auto& entry) {
    const Json* other = b.if_contains(entry.key());
    return other != nullptr ? same_meaning(entry.value(), *other) : is_nothing(entry.value());
  });
}

const JsonObject& labels_of(const JsonObject& spec) {
  return object_at(object_at(object_at(spec, "template"), "metadata"), "labels");
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

void check_selector(const JsonObject& spec, const At& at, Errors& errors, const WorkloadWords& words) {
  const JsonObject* selector = get_object(spec, "selector");
  if (selector == nullptr) return;
  At here = at.child("selector");
  check_label_selector(*selector, here, errors);
  if (!is_empty_selector(*selector)) return;
  errors.invalid(here, "", *selector, "empty selector is invalid for " + std::string(words.selector));
}

void check_selects(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonObject& selector = object_at(spec, "selector");
  if (is_empty_selector(selector)) return;
  auto parsed = schema::LabelSelector::from_document(selector);
  const JsonObject& labels = labels_of(spec);
  if (!parsed || parsed->matches(labels)) return;
  At here = at.child("template");
  At there = here.child("metadata");
  errors.invalid(there, "labels", labels, "`selector` does not match template `labels`");
}

void check_runs_on(const JsonObject& spec, const At& at, Errors& errors, const WorkloadWords& words) {
  const JsonObject& pod = object_at(object_at(spec, "template"), "spec");
  At here = at.child("template");
  At there = here.child("spec");
  std::string_view policy = get_text(pod, "restartPolicy");
  if (policy == "OnFailure" || policy == "Never") errors.not_supported(there, "restartPolicy", policy, {"Always"});
  if (get(pod, "activeDeadlineSeconds") != nullptr) {
    errors.forbidden(there, "activeDeadlineSeconds",
                     "activeDeadlineSeconds in " + std::string(words.pods) + " is not Supported");
  }
}

void check_selected(const JsonObject& spec, const At& at, Errors& errors, const WorkloadWords& words) {
  check_selector(spec, at, errors, words);
  check_selects(spec, at, errors);
  const JsonObject* pod_template = get_object(spec, "template");
  if (pod_template == nullptr) return errors.required(at, "template");
  check_pod_template(*pod_template, at.child("template"), errors);
  check_runs_on(spec, at, errors, words);
}

void check_not_negative(const JsonObject& object, std::initializer_list<std::string_view> keys, const At& at,
                        Errors& errors) {
  for (std::string_view key : keys) {
    const int64_t number = get_number(object, key);
    if (number < 0) errors.invalid(at, key, number, "must be greater than or equal to 0");
  }
}

void check_collisions(const JsonObject& status, const JsonObject& old, const At& at, Errors& errors) {
  const int64_t number = get_number(status, "collisionCount");
  if (number < get_number(old, "collisionCount")) errors.invalid(at, "collisionCount", number, "cannot be decremented");
}

bool same_meaning(const Json& a, const Json& b) {
  const JsonObject *left = a.if_object(), *right = b.if_object();
  if (left == nullptr || right == nullptr) {
    const JsonArray *list = a.if_array(), *other = b.if_array();
    if (list == nullptr || other == nullptr) return same_json(a, b) || (is_nothing(a) && is_nothing(b));
    return std::equal(list->begin(), list->end(), other->begin(), other->end(), same_meaning);
  }
  // What is in both has been compared once the other way round.
  return is_within(*left, *right) && std::all_of(right->begin(), right->end(), [&](const auto& entry) {
           return left->contains(entry.key()) || is_nothing(entry.value());
         });
}

void check_unchanged(const JsonObject& object, const JsonObject& old, std::string_view key, const At& at,
                     Errors& errors) {
  static const Json kAbsent;
  const Json* now = get(object, key);
  const Json* before = get(old, key);
  const Json& left = now != nullptr ? *now : kAbsent;
  const bool there = now != nullptr, was_there = before != nullptr;
  if (there != was_there || (there && !same_meaning(*now, *before))) {
    errors.invalid(at, key, left, "field is immutable");
  }
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
                  Errors& errors, std::string_view ready_word) {
  const JsonObject* status = changed_status(object, old);
  if (status == nullptr) return;
  At root;
  At at = root.child("status");
  check_not_negative(
      *status,
      {"observedGeneration", "replicas", "fullyLabeledReplicas", "currentReplicas", "updatedReplicas", "readyReplicas",
       "availableReplicas", "unavailableReplicas", "terminatingReplicas", "collisionCount"},
      at, errors);
  int64_t replicas = get_number(*status, "replicas"), ready = get_number(*status, "readyReplicas");
  for (std::string_view key : parts) {
    if (get_number(*status, key) > replicas) {
      errors.invalid(at, key, get_number(*status, key), "cannot be greater than status.replicas");
    }
  }
  if (get_number(*status, "availableReplicas") > ready) {
    errors.invalid(at, "availableReplicas", get_number(*status, "availableReplicas"),
                   "cannot be greater than " + std::string(ready_word));
  }
  check_collisions(*status, object_at(*old, "status"), at, errors);
}

const JsonObject* changed_status(const JsonObject& object, const JsonObject* old) {
  const JsonObject* status = get_object(object, "status");
  if (status == nullptr || old == nullptr) return nullptr;
  const JsonObject* before = get_object(*old, "status");
  return before != nullptr && same_json(*status, *before) ? nullptr : status;
}

const JsonObject* changed_spec(const JsonObject& object, const JsonObject* old) {
  const JsonObject* spec = get_object(object, "spec");
  const JsonObject* before = old != nullptr ? get_object(*old, "spec") : nullptr;
  return spec != nullptr && before != nullptr && same_json(*spec, *before) ? nullptr : spec;
}

}  // namespace gantry::kinds
