// Owns the wording and the paths of validation's causes. Called by all rules, on any thread.
#include "core/schema/field_errors.hpp"

#include "core/schema/json_write.hpp"
#include "core/schema/text.hpp"

namespace gantry::schema {
namespace {

template <typename Values>
std::string unsupported(std::string_view value, const Values& supported) {
  std::string message = "Unsupported value: " + quoted(value);
  std::string_view separator = ": supported values: ";
  for (const auto& allowed : supported) {
    message.append(separator).append(quoted(allowed));
    separator = ", ";
  }
  return message;
}

}  // namespace

std::string At::text() const {
  std::string out = up_ != nullptr ? up_->text() : std::string();
  if (!name_.empty()) {
    if (!out.empty()) out.push_back('.');
    out.append(name_);
  }
  if (index_ != kNone) out.append("[").append(std::to_string(index_)).append("]");
  if (key_.data() != nullptr) out.append("[").append(key_).append("]");
  return out;
}

std::string At::text(std::string_view name) const { return name.empty() ? text() : child(name).text(); }

std::string spelled(const Json& value) {
  if (const auto* text = value.if_string()) return quoted(*text);
  if (value.is_null()) return "null";
  std::string out;
  append_plain_json(out, value);
  return out;
}

std::string inclusive_range(int64_t low, int64_t high) {
  return "must be between " + std::to_string(low) + " and " + std::to_string(high) + ", inclusive";
}

void Errors::add(const At& at, std::string_view name, std::string_view reason, std::string message) {
  causes_.push_back(StatusCause{std::string(reason), std::move(message), at.text(name)});
}

void Errors::required(const At& at, std::string_view name, std::string_view detail) {
  std::string message = "Required value";
  if (!detail.empty()) message.append(": ").append(detail);
  add(at, name, "FieldValueRequired", std::move(message));
}

void Errors::invalid(const At& at, std::string_view name, const Json& value, std::string_view detail) {
  std::string message = "Invalid value: " + spelled(value);
  if (!detail.empty()) message.append(": ").append(detail);
  add(at, name, "FieldValueInvalid", std::move(message));
}

void Errors::not_supported(const At& at, std::string_view name, std::string_view value,
                           std::span<const std::string> supported) {
  add(at, name, "FieldValueNotSupported", unsupported(value, supported));
}

void Errors::not_supported(const At& at, std::string_view name, std::string_view value,
                           std::initializer_list<std::string_view> supported) {
  add(at, name, "FieldValueNotSupported", unsupported(value, supported));
}

void Errors::duplicate(const At& at, std::string_view name, const Json& value) {
  add(at, name, "FieldValueDuplicate", "Duplicate value: " + spelled(value));
}

void Errors::not_found(const At& at, std::string_view name, std::string_view value) {
  add(at, name, "FieldValueNotFound", "Not found: " + quoted(value));
}

void Errors::forbidden(const At& at, std::string_view name, std::string_view detail) {
  std::string message = "Forbidden";
  if (!detail.empty()) message.append(": ").append(detail);
  add(at, name, "FieldValueForbidden", std::move(message));
}

void Errors::too_long(const At& at, std::string_view name, size_t limit) {
  add(at, name, "FieldValueTooLong", "Too long: may not be more than " + std::to_string(limit) + " bytes");
}

void Errors::too_many(const At& at, std::string_view name, size_t count, size_t limit) {
  add(at, name, "FieldValueTooMany",
      "Too many: " + std::to_string(count) + ": must have at most " + std::to_string(limit) +
          (limit == 1 ? " item" : " items"));
}

void Errors::format(const At& at, std::string_view name, std::string_view format, std::string_view value) {
  for (const std::string& problem : format_problems(format, value)) invalid(at, name, Json(value), problem);
}

}  // namespace gantry::schema
