// Offsets come from the bounds-checked wire reader; slices share one owner.
#include "core/client/https/wire_cut.hpp"

#include <boost/json.hpp>

#include "core/client/body_form.hpp"
#include "core/schema/codec/wire.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::client {
namespace {

using schema::wire::Entry;
using schema::wire::Reader;
using schema::wire::Type;

constexpr std::string_view kMagic("k8s\0", 4);
constexpr size_t kMaxFrame = 16 << 20;

// The length-delimited field `number` of a message; null data when it is not there.
std::string_view field(std::string_view message, uint32_t number) {
  Reader reader(message);
  Entry entry;
  while (reader.next(entry)) {
    if (entry.number == number && entry.type == Type::kBytes) return entry.bytes;
  }
  return {};
}

struct Envelope {
  std::string_view kind, raw;
};

std::optional<Envelope> open(std::string_view body) {
  if (!body.starts_with(kMagic)) return std::nullopt;
  body.remove_prefix(kMagic.size());
  return Envelope{field(field(body, 1), 2), field(body, 2)};
}

std::vector<http::Chunk> whole(std::shared_ptr<const std::string> owner) {
  std::vector<http::Chunk> chunks;
  std::string_view bytes = *owner;
  chunks.push_back({bytes, std::move(owner)});
  return chunks;
}

size_t end_of(std::string_view part, const std::string& body) {
  return static_cast<size_t>(part.data() - body.data()) + part.size();
}

}  // namespace

std::vector<http::Chunk> cut_body(std::string text) {
  auto body = std::make_shared<const std::string>(std::move(text));
  auto envelope = open(*body);
  if (!envelope || !envelope->kind.ends_with("List") || envelope->raw.empty()) return whole(body);
  std::vector<http::Chunk> chunks;
  size_t at = 0;
  auto slice = [&](size_t until) {
    chunks.push_back({std::string_view(*body).substr(at, until - at), body});
    at = until;
  };
  slice(static_cast<size_t>(envelope->raw.data() - body->data()));
  Reader reader(envelope->raw);
  Entry entry;
  while (reader.next(entry)) {
    bool first = chunks.size() == body_form::kListMetadata;
    if (entry.type != Type::kBytes || entry.number != (first ? 1U : 2U)) return whole(body);
    size_t end = end_of(entry.bytes, *body);
    if (!first) slice(end - entry.bytes.size());
    slice(end);
  }
  if (reader.failed() || chunks.size() < 2) return whole(body);
  if (at < body->size()) slice(body->size());
  return chunks;
}

Expected<std::optional<std::vector<http::Chunk>>> FrameSplitter::next() {
  std::string_view in = std::string_view(buffer_).substr(used_);
  size_t size = 0;
  for (size_t i = 0; i < 4 && i < in.size(); ++i) size = (size << 8) | static_cast<uint8_t>(in[i]);
  if (in.size() >= 4 && size > kMaxFrame) return Status::internal("the watch's frames are broken");
  if (in.size() < 4 || in.size() - 4 < size) {
    buffer_.erase(0, used_);
    used_ = 0;
    return std::optional<std::vector<http::Chunk>>();
  }
  auto owner = std::make_shared<const std::string>(in.substr(0, 4 + size));
  used_ += 4 + size;
  std::string_view frame = *owner;
  auto envelope = open(field(field(frame.substr(4), 2), 1));
  if (!envelope) return Status::internal("a watch event could not be decoded");
  std::string_view object = envelope->raw;
  size_t end = object.data() == nullptr ? frame.size() : end_of(object, *owner);
  std::vector<http::Chunk> chunks;
  chunks.push_back({frame.substr(0, end - object.size()), owner});
  chunks.push_back({object, owner});
  chunks.push_back({frame.substr(end), owner});
  return std::optional(std::move(chunks));
}

http::Response status_body(const Status& status) {
  std::string raw = to_proto(status).SerializeAsString();
  std::string type, body(kMagic);
  schema::wire::put_bytes(type, 1, "v1");
  schema::wire::put_bytes(type, 2, "Status");
  schema::wire::put_bytes(body, 1, type);
  schema::wire::put_bytes(body, 2, raw);
  http::Response response;
  response.code = status.code();
  response.content_type = std::string(body_form::kProtobuf);
  response.body = whole(std::make_shared<const std::string>(std::move(body)));
  return response;
}

http::Response from_json_status(int code, const std::string& body) {
  boost::system::error_code error;
  auto value = boost::json::parse(body, error);
  auto text = [&](const char* key) {
    const auto* object = value.if_object();
    const auto* found = object == nullptr ? nullptr : object->if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  if (error || text("kind") != "Status") return status_body(Status(code, "InternalError", body));
  return status_body(Status(code, text("reason"), text("message")));
}

}  // namespace gantry::client
