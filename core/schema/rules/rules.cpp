// Owns the order of validation: metadata, what the tree says, what only code can say. Pure functions, any thread.
#include "core/schema/rules/rules.hpp"

#include <algorithm>
#include <unordered_set>

#include "core/schema/rules/validation.hpp"
#include "core/schema/values/same_json.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

const JsonObject& object_or_empty(const Json* value) {
  static const JsonObject kEmpty;
  const auto* object = value != nullptr ? value->if_object() : nullptr;
  return object != nullptr ? *object : kEmpty;
}

bool unchanged(const JsonObject& root, const JsonObject* old, std::string_view key) {
  if (old == nullptr) return false;
  const Json* now = get(root, key);
  const Json* before = get(*old, key);
  return now == nullptr ? before == nullptr : before != nullptr && same_json(*now, *before);
}

void check_tree(const Kind& kind, const JsonObject& root, const JsonObject* old, Errors& errors) {
  At at;
  for (const Field& field : kind.message->fields) {
    // Status is written by components, and only some of it is judged, by code.
    if (field.json == "metadata" || field.json == "status") continue;
    if (unchanged(root, old, field.json)) continue;
    check_field(field, root, at, errors);
    if (old != nullptr) check_immutable(field, root, *old, at, errors);
  }
}

}  // namespace

std::vector<StatusCause> validate_metadata(const Kind& kind, const Json& document, const Json* old) {
  Errors errors;
  const JsonObject& root = object_or_empty(&document);
  const JsonObject* before = old != nullptr ? &object_or_empty(get(object_or_empty(old), "metadata")) : nullptr;
  check_metadata(kind, object_or_empty(get(root, "metadata")), before, errors);
  return errors.take();
}

std::vector<StatusCause> validate(const Kind& kind, const Json& document, const Json* old, bool status_only) {
  Errors errors;
  const JsonObject& root = object_or_empty(&document);
  const JsonObject* before = old != nullptr ? &object_or_empty(old) : nullptr;
  const JsonObject* old_metadata = before != nullptr ? &object_or_empty(get(*before, "metadata")) : nullptr;
  check_metadata(kind, object_or_empty(get(root, "metadata")), old_metadata, errors);
  if (kind.message != nullptr) check_tree(kind, root, before, errors);
  const Behavior& behavior = *kind.behavior;
  if (behavior.validate != nullptr) behavior.validate(root, before, errors);
  if (status_only && before != nullptr && behavior.validate_status != nullptr) {
    behavior.validate_status(root, *before, errors);
  }
  return errors.take();
}

std::vector<StatusCause> validate(const SubresourceWrite& subresource, const Json& body) {
  Errors errors;
  if (subresource.check != nullptr) subresource.check(object_or_empty(&body), errors);
  return errors.take();
}

Status invalid_status(const Kind& kind, std::string_view name, std::vector<StatusCause> causes) {
  std::string message = kind.kind;
  if (!kind.group.empty()) message.append(".").append(kind.group);
  message.append(" ").append(quoted(name)).append(" is invalid");
  std::unordered_set<std::string> said;
  std::vector<std::string> lines;
  for (const StatusCause& cause : causes) {
    // Without a reason: how many more there are, of which nothing else is told.
    std::string line = cause.reason.empty() ? cause.message : cause.field + ": " + cause.message;
    if (said.insert(line).second) lines.push_back(std::move(line));
  }
  if (lines.size() == 1) message.append(": ").append(lines.front());
  if (lines.size() > 1) {
    std::string_view separator = ": [";
    for (const std::string& line : lines) {
      message.append(separator).append(line);
      separator = ", ";
    }
    message.append("]");
  }
  StatusDetails details;
  details.name = name;
  details.group = kind.group;
  details.kind = kind.kind;
  details.causes = std::move(causes);
  return Status::invalid(std::move(message)).with_details(std::move(details));
}

}  // namespace gantry::schema
