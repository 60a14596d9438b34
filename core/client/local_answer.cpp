// Reads what the API server answers in-process. Pure functions, any thread.
#include "core/client/local_answer.hpp"

#include "core/client/body_form.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/codec/wire.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::client {
namespace {

namespace meta = k8s::io::apimachinery::pkg::apis::meta::v1;

Status undecodable() { return Status::internal("the server's answer could not be decoded"); }

Status parse_status(std::string_view raw) {
  meta::Status message;
  if (!message.ParseFromArray(raw.data(), static_cast<int>(raw.size()))) return undecodable();
  return from_proto(message);
}

// metadata.resourceVersion and metadata.continue of a list, from its metadata field.
bool read_list_metadata(std::string_view field, std::string& version, std::string* continuation) {
  schema::wire::Reader outer(field);
  schema::wire::Entry entry;
  if (!outer.next(entry) || entry.number != 1) return false;
  schema::wire::Reader inner(entry.bytes);
  while (inner.next(entry)) {
    if (entry.number == 2) version = entry.bytes;
    if (entry.number == 3 && continuation != nullptr) *continuation = entry.bytes;
  }
  return !inner.failed();
}

}  // namespace

std::string body_of(const http::Response& response) {
  std::string body;
  for (const auto& chunk : response.body) body.append(chunk.bytes);
  return body;
}

Status error_of(const http::Response& response) {
  const std::string body = body_of(response);
  auto envelope = schema::unwrap_protobuf(body);
  if (envelope && envelope->type.kind == "Status") return parse_status(envelope->raw);
  return Status(response.code, "InternalError", body);
}

Expected<ApiResponse> read_object(const http::Response& response) {
  if (response.code >= 400) return error_of(response);
  const std::string body = body_of(response);
  auto envelope = schema::unwrap_protobuf(body);
  if (!envelope) return undecodable();
  ApiResponse out;
  out.set_code(response.code);
  out.add_objects(std::string(envelope->raw));
  out.set_is_status(envelope->type.kind == "Status");
  return out;
}

Expected<Client::List> read_list(http::Response response, std::string* continuation) {
  if (response.code >= 400) return error_of(response);
  auto& body = response.body;
  Client::List list;
  if (body.size() <= body_form::kListMetadata ||
      !read_list_metadata(body[body_form::kListMetadata].bytes, list.resource_version, continuation)) {
    return undecodable();
  }
  list.objects.reserve(body.size() / body_form::kObjectStep);
  for (size_t i = body_form::kFirstObject; i < body.size(); i += body_form::kObjectStep) {
    list.objects.push_back(std::move(body[i]));
  }
  return list;
}

Expected<WatchMessage> read_watch_message(std::vector<http::Chunk> message) {
  if (message.size() <= body_form::kWatchObject) return undecodable();
  // Four bytes of length, then WatchEvent's field 1: the type.
  std::string_view header = message[body_form::kWatchHeader].bytes;
  if (header.size() < 6 || header.size() < 6 + static_cast<size_t>(header[5])) return undecodable();
  const std::string_view type = header.substr(6, static_cast<size_t>(header[5]));
  WatchMessage out;
  auto& object = message[body_form::kWatchObject];
  if (type == "ERROR") {
    out.error = parse_status(object.bytes);
    return out;
  }
  using Type = WatchEvent::Type;
  out.event.type = type == "ADDED"      ? Type::kAdded
                   : type == "MODIFIED" ? Type::kModified
                   : type == "DELETED"  ? Type::kDeleted
                                        : Type::kBookmark;
  out.event.object = std::move(object);
  return out;
}

}  // namespace gantry::client
