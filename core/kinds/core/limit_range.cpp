// LimitRanges: defaults of containers' limits, and limits that fit each other. Pure functions, any thread.
#include <cstdio>
#include <optional>
#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/resource_names.hpp"
#include "core/kinds/parts/workload.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds::core_limit_range {
namespace {

using schema::Quantity;

// Amounts at `from` that `to` lacks.
void fill(JsonObject& item, std::string_view from, std::string_view to) {
  const JsonObject amounts = object_at(item, from);
  if (amounts.empty()) return;
  JsonObject& filled = ensure_object(item, to);
  for (const auto& entry : amounts) {
    if (get(filled, entry.key()) == nullptr) filled[entry.key()] = entry.value();
  }
}

void default_after(JsonObject& range) {
  JsonObject* spec = get_object(range, "spec");
  if (spec == nullptr) return;
  each(*spec, "limits", [](JsonObject& item) {
    if (get_text(item, "type") != "Container") return;
    fill(item, "max", "default");
    fill(item, "default", "defaultRequest");
    fill(item, "min", "defaultRequest");
  });
}

void check_type(std::string_view type, const At& at, Errors& errors) {
  const size_t before = errors.size();
  errors.format(at, "type", "qualified-name", type);
  if (errors.size() > before || type.find('/') != std::string_view::npos) return;
  if (type == "Pod" || type == "Container" || type == "PersistentVolumeClaim") return;
  errors.invalid(at, "type", Json(type), "must be a standard limit type or fully qualified");
}

// What an item says of one resource.
struct Amounts {
  std::optional<Quantity> min, max, limit, request, ratio;
};

std::optional<Quantity> amount(const JsonObject& item, std::string_view list, std::string_view name) {
  const std::string_view text = get_text(object_at(item, list), name);
  if (text.empty()) return std::nullopt;
  auto parsed = Quantity::parse(text);
  return parsed ? std::optional<Quantity>(*parsed) : std::nullopt;
}

bool above(const std::optional<Quantity>& a, const std::optional<Quantity>& b) { return a && b && a->compare(*b) > 0; }

// "min value 2 is greater than max value 1", of the amount at `list`.
void say_above(const Quantity& a, std::string_view what_a, const Quantity& b, std::string_view what_b,
               const Quantity& value, const At& at, Errors& errors) {
  std::string text(what_a);
  text.append(" value ").append(a.to_string()).append(" is greater than ").append(what_b).append(" value ");
  errors.invalid(at, "", Json(value.to_string()), text + b.to_string());
}

void check_ratio(const Amounts& has, const At& at, Errors& errors) {
  const std::string text = has.ratio->to_string();
  if (has.ratio->compare(*Quantity::parse("1")) < 0) {
    errors.invalid(at, "", Json(text), "ratio " + text + " is less than 1");
  }
  if (!has.min || !has.max) return;
  constexpr int64_t kMostMilli = INT64_MAX / 1000;
  auto ratio = static_cast<double>(has.ratio->value());
  int64_t min = has.min->value(), max = has.max->value();
  if (has.ratio->value() < kMostMilli && min < kMostMilli && max < kMostMilli) {
    ratio = static_cast<double>(has.ratio->milli_value()) / 1000;
    min = has.min->milli_value();
    max = has.max->milli_value();
  }
  const double most = static_cast<double>(max) / static_cast<double>(min);
  if (!(ratio > most)) return;
  char number[400];
  std::snprintf(number, sizeof number, "%f", most);
  errors.invalid(at, "", Json(text), "ratio " + text + " is greater than max/min = " + number);
}

void check_amounts(const JsonObject& item, std::string_view name, const At& at, Errors& errors) {
  const bool pod = get_text(item, "type") == "Pod";
  Amounts has{.min = amount(item, "min", name),
              .max = amount(item, "max", name),
              .limit = pod ? std::nullopt : amount(item, "default", name),
              .request = pod ? std::nullopt : amount(item, "defaultRequest", name),
              .ratio = amount(item, "maxLimitRequestRatio", name)};
  At request = at.key("defaultRequest", name), limit = at.key("default", name);
  if (above(has.min, has.max)) say_above(*has.min, "min", *has.max, "max", *has.min, at.key("min", name), errors);
  if (above(has.min, has.request)) {
    say_above(*has.min, "min", *has.request, "default request", *has.request, request, errors);
  }
  if (above(has.request, has.max)) {
    say_above(*has.request, "default request", *has.max, "max", *has.request, request, errors);
  }
  if (above(has.request, has.limit)) {
    say_above(*has.request, "default request", *has.limit, "default limit", *has.request, request, errors);
  }
  if (above(has.min, has.limit)) say_above(*has.min, "min", *has.limit, "default", *has.min, limit, errors);
  if (above(has.limit, has.max)) say_above(*has.limit, "default", *has.max, "max", *has.max, limit, errors);
  if (has.ratio) check_ratio(has, at.key("maxLimitRequestRatio", name), errors);
  if (!may_overcommit(name) && has.limit && has.request && has.limit->compare(*has.request) != 0) {
    errors.invalid(request, "", Json(has.request->to_string()),
                   "default value " + has.limit->to_string() + " must equal to defaultRequest value " +
                       has.request->to_string() + " in " + std::string(name));
  }
}

void check_item(const JsonObject& item, const At& at, Errors& errors) {
  const std::string_view type = get_text(item, "type");
  const bool pod = type == "Pod", of_pods = pod || type == "Container";
  check_type(type, at, errors);
  std::set<std::string_view> names;
  for (std::string_view list : {"max", "min", "default", "defaultRequest", "maxLimitRequestRatio"}) {
    const JsonObject& amounts = object_at(item, list);
    if (pod && (list == "default" || list == "defaultRequest")) {
      if (!amounts.empty()) errors.forbidden(at, list, "may not be specified when `type` is 'Pod'");
      continue;
    }
    for (const auto& entry : amounts) {
      names.insert(entry.key());
      At here = at.key(list, entry.key());
      if (of_pods) {
        check_resource_name(entry.key(), here, errors);
      } else {
        check_any_resource_name(entry.key(), here, errors);
      }
    }
  }
  if (type == "PersistentVolumeClaim" && get(object_at(item, "min"), "storage") == nullptr &&
      get(object_at(item, "max"), "storage") == nullptr) {
    errors.required(at, "limits", "either minimum or maximum storage value is required, but neither was provided");
  }
  for (std::string_view name : names) check_amounts(item, name, at, errors);
}

void validate(const JsonObject& range, const JsonObject* old, Errors& errors) {
  const JsonObject* spec = changed_spec(range, old);
  if (spec == nullptr) return;
  At root;
  At at = root.child("spec");
  std::set<std::string_view> types;
  size_t i = 0;
  each(*spec, "limits", [&](const JsonObject& item) {
    At here = at.child("limits", i++);
    const std::string_view type = get_text(item, "type");
    if (!types.insert(type).second) errors.duplicate(here, "type", Json(type));
    check_item(item, here, errors);
  });
}

void created_at(Row& row, std::string& out) { put(out, text_at(row.document, "metadata.creationTimestamp")); }

constexpr NamedCell kCells[] = {{"created-at", created_at}};

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "LimitRange",
                                  .default_after = default_after,
                                  .validate = validate,
                                  .cells = kCells,
                                  .create_on_update = true};

}  // namespace gantry::kinds::core_limit_range
