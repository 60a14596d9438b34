// Reading JSON of others without trust: what is missing or of another kind reads as empty. No state; any thread.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::oci {

inline Expected<boost::json::value> parse_json(std::string_view text) {
  boost::system::error_code error;
  auto value = boost::json::parse(text, error);
  if (error) return Status::bad_request("not JSON: " + error.message());
  return value;
}

inline const boost::json::value& member(const boost::json::value& of, std::string_view name) {
  static const boost::json::value nothing;
  const auto* object = of.if_object();
  const auto* found = object == nullptr ? nullptr : object->if_contains(name);
  return found == nullptr ? nothing : *found;
}

inline std::string text_in(const boost::json::value& of, std::string_view name) {
  const auto* text = member(of, name).if_string();
  return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

inline int64_t number_in(const boost::json::value& of, std::string_view name) {
  const auto& value = member(of, name);
  if (const auto* number = value.if_int64()) return *number;
  if (const auto* number = value.if_uint64()) return static_cast<int64_t>(*number);
  return 0;
}

inline bool flag_in(const boost::json::value& of, std::string_view name) {
  const auto* flag = member(of, name).if_bool();
  return flag != nullptr && *flag;
}

inline const boost::json::array& list_in(const boost::json::value& of, std::string_view name) {
  static const boost::json::array nothing;
  const auto* list = member(of, name).if_array();
  return list == nullptr ? nothing : *list;
}

inline std::vector<std::string> texts_in(const boost::json::value& of, std::string_view name) {
  std::vector<std::string> out;
  for (const auto& item : list_in(of, name)) {
    if (const auto* text = item.if_string()) out.emplace_back(text->data(), text->size());
  }
  return out;
}

}  // namespace gantry::oci
