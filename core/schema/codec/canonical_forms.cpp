// Owns the canonical spelling of scalars of special forms, and how values are named in type errors. Called by the
// decoders, on any thread.
#include <charconv>
#include <cmath>
#include <limits>

#include "core/schema/codec/canonical.hpp"
#include "core/schema/values/times.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::schema {
namespace {

bool finite(const Json& value) {
  if (const double* d = value.if_double()) return std::isfinite(*d);
  if (const auto* array = value.if_array()) {
    for (const Json& item : *array) {
      if (!finite(item)) return false;
    }
  }
  if (const auto* object = value.if_object()) {
    for (const auto& item : *object) {
      if (!finite(item.value())) return false;
    }
  }
  return true;
}

Expected<Kept> canonical_int_or_string(Json& value) {
  if (value.is_string()) return Kept::kKeep;
  if (!value.is_number()) return value_error(kind_word(value), "int32");
  const int64_t* number = value.if_int64();
  if (number == nullptr || *number < std::numeric_limits<int32_t>::min() ||
      *number > std::numeric_limits<int32_t>::max()) {
    return value_error("number " + number_text(value), "int32");
  }
  return *number == 0 ? Kept::kDrop : Kept::kKeep;
}

Expected<Kept> canonical_quantity(Json& value) {
  std::string text;
  if (const auto* string = value.if_string()) {
    constexpr std::string_view kSpace = " \t";
    const std::string_view given = *string;
    const size_t begin = std::min(given.find_first_not_of(kSpace), given.size());
    text = given.substr(begin, given.find_last_not_of(kSpace) + 1 - begin);
  } else if (value.is_number()) {
    text = number_text(value);
  } else {
    text = value.is_bool() ? "true" : "{";  // what upstream's parser would be handed: no quantity
  }
  auto quantity = Quantity::parse(text);
  if (!quantity) return std::move(quantity).error();
  std::string spelling = quantity->to_string();
  const auto* old = value.if_string();
  if (old == nullptr || std::string_view(*old) != spelling) value = spelling;
  return Kept::kKeep;
}

Expected<Kept> canonical_time(Json& value, int digits) {
  const auto* text = value.if_string();
  if (text == nullptr) return value_error(kind_word(value), "string");
  auto moment = parse_moment(*text, digits == 6);
  if (!moment) return std::move(moment).error();
  if (moment->is_zero()) return Kept::kDrop;
  std::string spelling = format_moment(*moment, digits);
  if (std::string_view(*text) != spelling) value = spelling;
  return Kept::kKeep;
}

Expected<Kept> canonical_list(Json& value) {
  const auto* array = value.if_array();
  if (array == nullptr) return value_error(kind_word(value), "[]string");
  for (const Json& item : *array) {
    if (!item.is_string()) return value_error(kind_word(item), "string");
  }
  return array->empty() ? Kept::kDrop : Kept::kKeep;
}

}  // namespace

std::string number_text(const Json& value) {
  if (const int64_t* i = value.if_int64()) return std::to_string(*i);
  if (const uint64_t* u = value.if_uint64()) return std::to_string(*u);
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value.get_double()).ptr;
  return std::string(buffer, end);
}

std::string_view kind_word(const Json& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "bool";
    case boost::json::kind::string:
      return "string";
    case boost::json::kind::array:
      return "array";
    case boost::json::kind::object:
      return "object";
    default:
      return "number";
  }
}

Status value_error(std::string_view got, std::string_view wanted) {
  return Status::bad_request("json: cannot unmarshal " + std::string(got) + " into Go value of type " +
                             std::string(wanted));
}

Expected<Kept> canonical_form(const Message& message, Json& value) {
  switch (message.form) {
    case Form::kTime:
      return canonical_time(value, 0);
    case Form::kMicroTime:
      return canonical_time(value, 6);
    case Form::kQuantity:
      return canonical_quantity(value);
    case Form::kIntOrString:
      return canonical_int_or_string(value);
    case Form::kRawJson:
      if (!finite(value)) return value_error("number", "float64");
      return Kept::kKeep;
    case Form::kDuration: {
      const auto* text = value.if_string();
      if (text == nullptr) return value_error(kind_word(value), "string");
      auto nanos = parse_duration(*text);
      if (!nanos) return std::move(nanos).error();
      value = format_duration(*nanos);
      return *nanos == 0 ? Kept::kDrop : Kept::kKeep;
    }
    case Form::kList:
      return canonical_list(value);
    case Form::kStruct:
      break;
  }
  return Kept::kKeep;
}

}  // namespace gantry::schema
