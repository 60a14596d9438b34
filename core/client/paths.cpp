// ApiRequest and WatchRequest as HTTP. Pure functions, any thread.
#include "core/client/paths.hpp"

#include "core/client/body_form.hpp"
#include "core/schema/codec/wire.hpp"

namespace gantry::client {
namespace {

void add_query(std::string& query, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  if (!query.empty()) query += '&';
  query.append(key).append("=").append(percent_encode(value));
}

std::string accept_of(bool metadata_only, std::string_view as) {
  std::string accept(body_form::kProtobuf);
  if (metadata_only) accept.append(";as=").append(as).append(";v=v1;g=meta.k8s.io");
  return accept;
}

// The envelope with its type left open: the server takes it from the path.
std::string envelope(std::string_view raw) {
  std::string out("k8s\0", 4);
  schema::wire::put_bytes(out, 1, {});
  schema::wire::put_bytes(out, 2, raw);
  return out;
}

std::string_view method_of(ApiRequest::Verb verb) {
  switch (verb) {
    case ApiRequest::CREATE:
      return "POST";
    case ApiRequest::UPDATE:
      return "PUT";
    case ApiRequest::PATCH:
      return "PATCH";
    case ApiRequest::DELETE:
    case ApiRequest::DELETE_COLLECTION:
      return "DELETE";
    default:
      return "GET";
  }
}

std::string_view patch_media(ApiRequest::PatchType type) {
  switch (type) {
    case ApiRequest::MERGE_PATCH:
      return "application/merge-patch+json";
    case ApiRequest::STRATEGIC_MERGE_PATCH:
      return "application/strategic-merge-patch+json";
    default:
      return "application/json-patch+json";
  }
}

http::Request collection_http(const WatchRequest& request, std::string_view as) {
  http::Request out;
  out.method = "GET";
  out.path = resource_path(request.group, request.version, request.ns, request.resource);
  add_query(out.query, "labelSelector", request.label_selector);
  add_query(out.query, "fieldSelector", request.field_selector);
  add_query(out.query, "resourceVersion", request.resource_version);
  out.headers = {{"accept", accept_of(request.metadata_only, as)}};
  return out;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '-' ||
        byte == '_' || byte == '.' || byte == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string resource_path(std::string_view group, std::string_view version, std::string_view ns,
                          std::string_view resource, std::string_view name, std::string_view subresource) {
  std::string path = group.empty() ? "/api" : "/apis/" + percent_encode(group);
  path += '/' + percent_encode(version);
  if (!ns.empty()) path += "/namespaces/" + percent_encode(ns);
  path += '/' + percent_encode(resource);
  if (!name.empty()) path += '/' + percent_encode(name);
  if (!subresource.empty()) path += '/' + percent_encode(subresource);
  return path;
}

http::Request to_http(ApiRequest request) {
  http::Request out;
  const auto verb = request.verb();
  out.method = method_of(verb);
  out.path = resource_path(request.group(), request.version(), request.namespace_(), request.resource(), request.name(),
                           request.subresource());
  add_query(out.query, "labelSelector", request.label_selector());
  add_query(out.query, "fieldSelector", request.field_selector());
  add_query(out.query, "continue", request.continue_());
  add_query(out.query, "resourceVersion", request.resource_version());
  if (request.limit() > 0) add_query(out.query, "limit", std::to_string(request.limit()));
  const bool many = verb == ApiRequest::LIST;
  out.headers = {
      {"accept", accept_of(request.metadata_only(), many ? "PartialObjectMetadataList" : "PartialObjectMetadata")}};
  if (verb == ApiRequest::PATCH) {
    out.headers.emplace_back("content-type", patch_media(request.patch_type()));
    out.body = std::move(*request.mutable_body());
  } else if (!request.body().empty() || verb == ApiRequest::CREATE || verb == ApiRequest::UPDATE) {
    out.headers.emplace_back("content-type", body_form::kProtobuf);
    out.body = envelope(request.body());
  }
  return out;
}

http::Request list_http(const WatchRequest& request) { return collection_http(request, "PartialObjectMetadataList"); }

http::Request watch_http(const WatchRequest& request) {
  auto out = collection_http(request, "PartialObjectMetadata");
  add_query(out.query, "watch", "true");
  add_query(out.query, "allowWatchBookmarks", "true");
  return out;
}

}  // namespace gantry::client
