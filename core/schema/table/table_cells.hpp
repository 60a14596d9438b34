// What a cell function of a printer column ("@pod-status") is given, and the readers that such functions share.
// Pure, any thread.
#pragma once

#include <any>
#include <boost/json/array.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/schema/schema.hpp"

namespace gantry::schema::cells {

struct Row {
  const Json& document;
  int64_t now_ns = 0;
  std::any memo;  // what several cells of one row are taken from, filled by the first that needs it
};

// The function of a name without its '@': the kind's own, or one that every kind has (age). Null when there is none.
Cell find_cell(const Behavior& behavior, std::string_view name);

void put(std::string& out, std::string_view text);
void put_or(std::string& out, std::string_view text, std::string_view otherwise);

// Helpers over documents. `path` is dotted: "status.phase".
const Json* at(const Json& value, std::string_view path);
const boost::json::array* list_at(const Json& value, std::string_view path);
std::string_view text_at(const Json& value, std::string_view path);
int64_t number_at(const Json& value, std::string_view path);
// "5m" since the RFC 3339 time at `path`; "<unknown>" when there is none.
std::string since(const Json& value, std::string_view path, int64_t now_ns);
// "a=b,c=d", sorted; "<none>" when empty.
std::string format_labels(const Json* labels);

}  // namespace gantry::schema::cells
