// v2 definitions and paths in the protobuf form of gnostic's openapi_v2.Document, field numbers as published there.
// Called by openapi_v2.cpp, any thread. Values of any type travel as YAML text, and JSON is YAML.
#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "core/schema/codec/wire.hpp"
#include "core/schema/openapi/openapi_build.hpp"

namespace gantry::schema::openapi {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;

std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

void put_text(std::string& out, uint32_t number, const Object& object, const char* key) {
  const Json* value = object.if_contains(key);
  if (value != nullptr && value->is_string()) wire::put_bytes(out, number, view(value->get_string()));
}

void put_flag(std::string& out, uint32_t number, const Object& object, const char* key) {
  const Json* value = object.if_contains(key);
  if (value != nullptr && value->is_bool() && value->get_bool()) wire::put_number(out, number, 1);
}

void put_texts(std::string& out, uint32_t number, const Object& object, const char* key) {
  const Json* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return;
  for (const Json& item : value->get_array()) {
    if (item.is_string()) wire::put_bytes(out, number, view(item.get_string()));
  }
}

std::string any(const Json& value) {
  std::string out;
  wire::put_bytes(out, 2, boost::json::serialize(value) + "\n");
  return out;
}

void put_double(std::string& out, uint32_t number, const Object& object, const char* key) {
  const Json* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return;
  auto bits = std::bit_cast<uint64_t>(value->to_number<double>());
  wire::put_varint(out, (static_cast<uint64_t>(number) << 3) | 1);
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

void put_extensions(std::string& out, uint32_t number, const Object& object) {
  for (const auto& [key, value] : object) {
    if (!view(key).starts_with("x-")) continue;
    std::string named;
    wire::put_bytes(named, 1, view(key));
    wire::put_bytes(named, 2, any(value));
    wire::put_bytes(out, number, named);
  }
}

std::string wrapped(uint32_t number, std::string_view bytes) {
  std::string out;
  wire::put_bytes(out, number, bytes);
  return out;
}

const Object* member(const Object& object, const char* key) {
  const Json* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

// QueryParameterSubSchema and PathParameterSubSchema number their first fields alike but for allowEmptyValue.
std::string plain_parameter(const Object& parameter, bool query) {
  std::string out;
  put_flag(out, 1, parameter, "required");
  put_text(out, 2, parameter, "in");
  put_text(out, 3, parameter, "description");
  put_text(out, 4, parameter, "name");
  put_text(out, query ? 6 : 5, parameter, "type");
  put_flag(out, query ? 20 : 19, parameter, "uniqueItems");
  return out;
}

// ParametersItem{parameter = 1}.
std::string parameters_item(const Object& parameter) {
  const Json* in = parameter.if_contains("in");
  std::string inner;
  if (in != nullptr && *in == "body") {
    std::string body;
    put_text(body, 1, parameter, "description");
    put_text(body, 2, parameter, "name");
    put_text(body, 3, parameter, "in");
    put_flag(body, 4, parameter, "required");
    if (const Object* schema = member(parameter, "schema")) {
      wire::put_bytes(body, 5, schema_to_protobuf(*schema));
    }
    inner = wrapped(1, body);
  } else {
    bool query = in != nullptr && *in == "query";
    inner = wrapped(2, wrapped(query ? 3 : 4, plain_parameter(parameter, query)));
  }
  return wrapped(1, inner);
}

void put_parameters(std::string& out, uint32_t number, const Object& object) {
  const Json* list = object.if_contains("parameters");
  if (list == nullptr || !list->is_array()) return;
  for (const Json& item : list->get_array()) {
    if (item.is_object()) wire::put_bytes(out, number, parameters_item(item.get_object()));
  }
}

std::string responses(const Object& object) {
  std::string out;
  for (const auto& [code, value] : object) {
    if (!value.is_object()) continue;
    std::string response;
    put_text(response, 1, value.get_object(), "description");
    if (const Object* schema = member(value.get_object(), "schema")) {
      wire::put_bytes(response, 2, wrapped(1, schema_to_protobuf(*schema)));
    }
    std::string named;
    wire::put_bytes(named, 1, view(code));
    wire::put_bytes(named, 2, wrapped(1, response));
    wire::put_bytes(out, 1, named);
  }
  return out;
}

std::string operation(const Object& object) {
  std::string out;
  put_texts(out, 1, object, "tags");
  put_text(out, 3, object, "description");
  put_text(out, 5, object, "operationId");
  put_texts(out, 6, object, "produces");
  put_texts(out, 7, object, "consumes");
  put_parameters(out, 8, object);
  if (const Object* answers = member(object, "responses")) {
    wire::put_bytes(out, 9, responses(*answers));
  }
  put_extensions(out, 13, object);
  return out;
}

std::string properties(const Object& object) {
  std::string out;
  for (const auto& [key, value] : object) {
    if (!value.is_object()) continue;
    std::string named;
    wire::put_bytes(named, 1, view(key));
    wire::put_bytes(named, 2, schema_to_protobuf(value.get_object()));
    wire::put_bytes(out, 1, named);
  }
  return out;
}

}  // namespace

std::string schema_to_protobuf(const Object& definition) {
  std::string out;
  put_text(out, 1, definition, "$ref");
  put_text(out, 2, definition, "format");
  put_text(out, 4, definition, "description");
  if (const Json* value = definition.if_contains("default")) wire::put_bytes(out, 5, any(*value));
  put_double(out, 7, definition, "maximum");
  put_double(out, 9, definition, "minimum");
  put_texts(out, 19, definition, "required");
  if (const Json* values = definition.if_contains("enum"); values && values->is_array()) {
    for (const Json& value : values->get_array()) wire::put_bytes(out, 20, any(value));
  }
  if (const Object* value = member(definition, "additionalProperties")) {
    wire::put_bytes(out, 21, wrapped(1, schema_to_protobuf(*value)));
  }
  const Json* type = definition.if_contains("type");
  if (type != nullptr && type->is_string()) {
    wire::put_bytes(out, 22, wrapped(1, view(type->get_string())));
  }
  if (const Object* value = member(definition, "items")) {
    wire::put_bytes(out, 23, wrapped(1, schema_to_protobuf(*value)));
  }
  if (const Object* value = member(definition, "properties")) {
    wire::put_bytes(out, 25, properties(*value));
  }
  put_extensions(out, 31, definition);
  return out;
}

std::string path_to_protobuf(const Object& item) {
  std::string out;
  constexpr std::pair<const char*, uint32_t> kMethods[] = {
      {"get", 2}, {"put", 3}, {"post", 4}, {"delete", 5}, {"patch", 8}};
  for (const auto& [method, number] : kMethods) {
    if (const Object* op = member(item, method)) wire::put_bytes(out, number, operation(*op));
  }
  put_parameters(out, 9, item);
  return out;
}

}  // namespace gantry::schema::openapi
