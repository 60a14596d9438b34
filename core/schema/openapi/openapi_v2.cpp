// The OpenAPI v2 document, as JSON and in gnostic's protobuf form.
// Called by the API server when /openapi/v2 is asked for; any thread. Written piece by piece.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "core/schema/codec/wire.hpp"
#include "core/schema/openapi/openapi.hpp"
#include "core/schema/openapi/openapi_build.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {

std::string openapi_v2_json(const Schema& schema, std::string_view server_version) {
  openapi::Builder builder(schema, openapi::Version::kV2, {});
  std::string out = R"({"swagger":"2.0","info":{"title":"Kubernetes","version":)";
  append_json_string(out, server_version);
  out += R"(},"paths":{)";
  bool first = true;
  builder.each_path([&](const std::string& path, const boost::json::object& item) {
    if (!first) out += ",";
    first = false;
    append_json_string(out, path);
    (out += ":") += boost::json::serialize(item);
  });
  out += R"(},"definitions":{)";
  first = true;
  for (const Message* message : builder.messages()) {
    if (!first) out += ",";
    first = false;
    append_json_string(out, openapi::definition_name(*message));
    (out += ":") += boost::json::serialize(builder.definition(*message));
  }
  out += R"(},"securityDefinitions":{"BearerToken":{"description":"Bearer token",)"
         R"("type":"apiKey","name":"authorization","in":"header"}},)"
         R"("security":[{"BearerToken":[]}]})";
  return out;
}

std::string openapi_v2_protobuf(const Schema& schema, std::string_view server_version) {
  openapi::Builder builder(schema, openapi::Version::kV2, {});
  std::string info;
  wire::put_bytes(info, 1, "Kubernetes");
  wire::put_bytes(info, 2, server_version);
  std::string out;
  wire::put_bytes(out, 1, "2.0");
  wire::put_bytes(out, 2, info);
  std::string paths;
  builder.each_path([&](const std::string& path, const boost::json::object& item) {
    std::string named;
    wire::put_bytes(named, 1, path);
    wire::put_bytes(named, 2, openapi::path_to_protobuf(item));
    wire::put_bytes(paths, 2, named);
  });
  wire::put_bytes(out, 8, paths);
  paths.clear();
  paths.shrink_to_fit();
  std::string definitions;
  for (const Message* message : builder.messages()) {
    std::string named;
    wire::put_bytes(named, 1, openapi::definition_name(*message));
    wire::put_bytes(named, 2, openapi::schema_to_protobuf(builder.definition(*message)));
    wire::put_bytes(definitions, 1, named);
  }
  wire::put_bytes(out, 9, definitions);
  return out;
}

}  // namespace gantry::schema
