// Owns the wording and the paths of validation's causes. Called by all rules, on any thread.
#include "core/schema/rules/field_errors.hpp"

#include "core/schema/codec/json_write.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

constexpr size_t kLongestValue = 512;
constexpr size_t kLongestPath = 512;
constexpr size_t kLongestMessage = 1536;

std::string cut_json(std::string out) { return out.size() > kLongestValue ? cut(out, kLongestValue) : out; }

// As messages spell a value: strings quoted, scalars plain, the rest as JSON.
std::string spelled(const JsonArray& list) {
  std::string out = "[";
  for (const Json& item : list) {
    if (out.size() > kLongestValue) break;
    if (out.size() > 1) out += ',';
    append_plain_json(out, item, kLongestValue + 1);
  }
  return cut_json(out + "]");
}

std::string spelled(const JsonObject& object) {
  std::vector<const boost::json::key_value_pair*> entries;
  for (const auto& entry : object) entries.push_back(&entry);
  sort_entries(entries);
  std::string out = "{";
  for (const auto* entry : entries) {
    if (out.size() > kLongestValue) break;
    if (out.size() > 1) out += ',';
    append_json_string(out, entry->key());
    out += ':';
    append_plain_json(out, entry->value(), kLongestValue + 1);
  }
  return cut_json(out + "}");
}

std::string spelled(const Json& value) {
  if (const auto* text = value.if_string()) return quoted(cut(*text, kLongestValue));
  if (const auto* object = value.if_object()) return spelled(*object);
  if (const auto* list = value.if_array()) return spelled(*list);
  if (value.is_null()) return "null";
  std::string out;
  append_plain_json(out, value);
  return out;
}

template <typename Value>
std::string invalid_value(const Value& value, std::string_view detail) {
  std::string message = "Invalid value: " + spelled(value);
  if (!detail.empty()) message.append(": ").append(detail);
  return message;
}

template <typename Values>
std::string unsupported_as(const std::string& value, const Values& supported) {
  std::string message = "Unsupported value: " + value;
  std::string_view separator = ": supported values: ";
  for (const auto& allowed : supported) {
    message.append(separator).append(quoted(allowed));
    separator = ", ";
  }
  return message;
}

template <typename Values>
std::string unsupported(std::string_view value, const Values& supported) {
  return unsupported_as(quoted(cut(value, kLongestValue)), supported);
}

}  // namespace

std::string At::text() const {
  std::string out = up_ != nullptr ? up_->text() : std::string();
  if (!name_.empty()) {
    if (!out.empty()) out.push_back('.');
    out.append(cut(name_, kLongestName));
  }
  if (index_ != kNone) out.append("[").append(std::to_string(index_)).append("]");
  if (key_.data() != nullptr) out.append("[").append(cut(key_, kLongestName)).append("]");
  return out;
}

std::string At::text(std::string_view name) const { return name.empty() ? text() : child(name).text(); }

std::string inclusive_range(int64_t low, int64_t high) {
  return "must be between " + std::to_string(low) + " and " + std::to_string(high) + ", inclusive";
}

template <typename Message>
void Errors::add(const At& at, std::string_view name, std::string_view reason, Message&& message) {
  if (full()) {
    ++more_;
    return;
  }
  causes_.push_back(
      StatusCause{std::string(reason), cut(message(), kLongestMessage), cut(at.text(name), kLongestPath)});
}

std::vector<StatusCause> Errors::take() {
  if (more_ > 0) causes_.push_back(StatusCause{"", "and " + std::to_string(more_) + " more", ""});
  return std::move(causes_);
}

void Errors::required(const At& at, std::string_view name, std::string_view detail) {
  add(at, name, "FieldValueRequired", [&] {
    std::string message = "Required value";
    if (!detail.empty()) message.append(": ").append(detail);
    return message;
  });
}

void Errors::invalid(const At& at, std::string_view name, const Json& value, std::string_view detail) {
  add(at, name, "FieldValueInvalid", [&] { return invalid_value(value, detail); });
}

void Errors::invalid(const At& at, std::string_view name, std::string_view detail) {
  add(at, name, "FieldValueInvalid", [&] { return std::string("Invalid value: ").append(detail); });
}

template <Whole Value>
void Errors::invalid(const At& at, std::string_view name, const Value& value, std::string_view detail) {
  add(at, name, "FieldValueInvalid", [&] { return invalid_value(value, detail); });
}
template void Errors::invalid(const At&, std::string_view, const JsonObject&, std::string_view);
template void Errors::invalid(const At&, std::string_view, const JsonArray&, std::string_view);

void Errors::not_supported(const At& at, std::string_view name, std::string_view value,
                           std::span<const std::string> supported) {
  add(at, name, "FieldValueNotSupported", [&] { return unsupported(value, supported); });
}

void Errors::not_supported(const At& at, std::string_view name, std::string_view value,
                           std::initializer_list<std::string_view> supported) {
  add(at, name, "FieldValueNotSupported", [&] { return unsupported(value, supported); });
}

template <Whole Value>
void Errors::not_supported(const At& at, std::string_view name, const Value& value,
                           std::initializer_list<std::string_view> supported) {
  add(at, name, "FieldValueNotSupported", [&] { return unsupported_as(spelled(value), supported); });
}
template void Errors::not_supported(const At&, std::string_view, const JsonObject&,
                                    std::initializer_list<std::string_view>);
template void Errors::not_supported(const At&, std::string_view, const JsonArray&,
                                    std::initializer_list<std::string_view>);

void Errors::duplicate(const At& at, std::string_view name, const Json& value) {
  add(at, name, "FieldValueDuplicate", [&] { return "Duplicate value: " + spelled(value); });
}

template <Whole Value>
void Errors::duplicate(const At& at, std::string_view name, const Value& value) {
  add(at, name, "FieldValueDuplicate", [&] { return "Duplicate value: " + spelled(value); });
}
template void Errors::duplicate(const At&, std::string_view, const JsonObject&);

void Errors::not_found(const At& at, std::string_view name, std::string_view value) {
  add(at, name, "FieldValueNotFound", [&] { return "Not found: " + quoted(cut(value, kLongestValue)); });
}

void Errors::forbidden(const At& at, std::string_view name, std::string_view detail) {
  add(at, name, "FieldValueForbidden", [&] {
    std::string message = "Forbidden";
    if (!detail.empty()) message.append(": ").append(detail);
    return message;
  });
}

void Errors::too_long(const At& at, std::string_view name, size_t limit) {
  add(at, name, "FieldValueTooLong",
      [&] { return "Too long: may not be more than " + std::to_string(limit) + " bytes"; });
}

void Errors::too_many(const At& at, std::string_view name, size_t count, size_t limit) {
  add(at, name, "FieldValueTooMany", [&] {
    return "Too many: " + std::to_string(count) + ": must have at most " + std::to_string(limit) +
           (limit == 1 ? " item" : " items");
  });
}

void Errors::format(const At& at, std::string_view name, std::string_view format, std::string_view value) {
  for (const std::string& problem : format_problems(format, value)) invalid(at, name, Json(value), problem);
}

}  // namespace gantry::schema
