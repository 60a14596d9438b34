// The OpenAPI v3 index and the document of one group version.
// Called by the API server when /openapi/v3 is asked for; any thread. The index hashes each document, because clients
// keep a document for as long as its address stays the same.
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <cstdio>

#include "core/schema/openapi/openapi.hpp"
#include "core/schema/openapi/openapi_build.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

// FNV-1a twice with different seeds: a name for a content, not a defence.
std::string hash_of(std::string_view text) {
  std::array<uint64_t, 2> hash = {0xcbf29ce484222325, 0x84222325cbf29ce4};
  for (char c : text) {
    for (uint64_t& h : hash) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  }
  std::array<char, 33> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llX%016llX", static_cast<unsigned long long>(hash[0]),
                static_cast<unsigned long long>(hash[1] ^ (hash[0] >> 7)));
  return hex.data();
}

std::string document(const Schema& schema, std::string_view api_version, std::string_view server_version) {
  openapi::Builder builder(schema, openapi::Version::kV3, api_version);
  std::string out = R"({"openapi":"3.0.0","info":{"title":"Kubernetes","version":)";
  append_json_string(out, server_version);
  out += R"(},"paths":{)";
  bool first = true;
  builder.each_path([&](const std::string& path, const boost::json::object& item) {
    if (!first) out += ",";
    first = false;
    append_json_string(out, path);
    (out += ":") += boost::json::serialize(item);
  });
  out += R"(},"components":{"schemas":{)";
  first = true;
  for (const Message* message : builder.messages()) {
    if (!first) out += ",";
    first = false;
    append_json_string(out, openapi::definition_name(*message));
    (out += ":") += boost::json::serialize(builder.definition(*message));
  }
  out += R"(},"securitySchemes":{"BearerToken":{"type":"apiKey","description":"Bearer token",)"
         R"("name":"authorization","in":"header"}}}})";
  return out;
}

}  // namespace

std::string openapi_v3_json(const Schema& schema, std::string_view group, std::string_view version,
                            std::string_view server_version) {
  return document(schema, openapi::api_version_of(group, version), server_version);
}

std::string openapi_v3_index(const Schema& schema) {
  std::string out = R"({"paths":{)";
  bool first = true;
  for (const std::string& path : openapi::group_paths(schema)) {
    std::string_view api_version = std::string_view(path).substr(path.find('/') + 1);
    std::string hash = hash_of(document(schema, api_version, {}));
    if (!first) out += ",";
    first = false;
    append_json_string(out, path);
    out += ":{\"serverRelativeURL\":";
    append_json_string(out, "/openapi/v3/" + path + "?hash=" + hash);
    out += "}";
  }
  return out + "}}";
}

}  // namespace gantry::schema
