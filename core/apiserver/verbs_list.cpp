// get and list: answers are gathers of stored buffers, nothing is decoded for JSON and protobuf. [any-thread]
#include "core/apiserver/errors.hpp"
#include "core/apiserver/forms.hpp"
#include "core/apiserver/listing.hpp"
#include "core/apiserver/respond.hpp"
#include "core/apiserver/verbs.hpp"
#include "core/schema/codec.hpp"
#include "core/schema/table.hpp"
#include "core/schema/wire.hpp"

namespace gantry::apiserver {
namespace {

namespace wire = schema::wire;

struct ListType {
  std::string api_version, kind;
};

ListType list_type(const Call& call) {
  if (call.form.as == As::kPartial) return {"meta.k8s.io/v1", "PartialObjectMetadataList"};
  return {call.kind().api_version(), call.kind().list_kind};
}

std::string metadata_json(const ListPage& page) {
  std::string out = "{\"resourceVersion\":\"" + std::to_string(page.revision) + "\"";
  if (!page.continuation.empty()) out += ",\"continue\":" + quoted(page.continuation);
  if (page.remaining) out += ",\"remainingItemCount\":" + std::to_string(*page.remaining);
  return out + "}";
}

std::string metadata_protobuf(const ListPage& page) {
  std::string metadata;
  wire::put_bytes(metadata, 1, {});
  wire::put_bytes(metadata, 2, std::to_string(page.revision));
  wire::put_bytes(metadata, 3, page.continuation);
  if (page.remaining) wire::put_number(metadata, 4, static_cast<uint64_t>(*page.remaining));
  std::string field;
  wire::put_bytes(field, 1, metadata);
  return field;
}

std::string list_open_json(const Call& call, const ListPage& page) {
  const auto type = list_type(call);
  return "{\"kind\":\"" + type.kind + "\",\"apiVersion\":\"" + type.api_version +
         "\",\"metadata\":" + metadata_json(page) + ",\"items\":[";
}

std::vector<http::Chunk> json_body(const Call& call, ListPage& page) {
  std::vector<http::Chunk> body;
  body.reserve(2 * page.entries.size() + 2);
  body.push_back(http::make_chunk(list_open_json(call, page)));
  bool first = true;
  for (auto& entry : page.entries) {
    body.push_back({first ? "{" : ",{", nullptr});
    const auto bytes = item_json(call.kind(), *entry);
    body.push_back({bytes, std::move(entry)});
    first = false;
  }
  body.push_back({"]}", nullptr});
  return body;
}

// The form that core/client/body_form.hpp describes.
std::vector<http::Chunk> protobuf_body(const Call& call, ListPage& page) {
  std::vector<http::Chunk> body(2);
  body.reserve(2 * page.entries.size() + 3);
  std::string metadata = metadata_protobuf(page);
  size_t size = metadata.size();
  for (auto& entry : page.entries) {
    const auto& form = protobuf(call.kind(), *entry);
    if (call.form.as == As::kPartial) {
      const auto raw = form.metadata();
      std::string head;
      wire::put_varint(head, (2 << 3) | 2);
      wire::put_varint(head, raw.size());
      body.push_back(http::make_chunk(std::move(head)));
      body.push_back({raw, std::move(entry)});
    } else {
      body.push_back({form.item_header(), entry});
      body.push_back({form.bytes, std::move(entry)});
    }
    size += body[body.size() - 2].bytes.size() + body.back().bytes.size();
  }
  const auto type = list_type(call);
  body[0] = http::make_chunk(envelope_prefix(type.api_version, type.kind, size));
  body[1] = http::make_chunk(std::move(metadata));
  body.push_back({kEnvelopeEnd, nullptr});
  return body;
}

std::string partial_items(const Call& call, const ListPage& page) {
  const auto* message = call.env->schema.find_message("k8s.io.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata");
  std::string out = list_open_json(call, page);
  for (const auto& entry : page.entries) {
    if (out.back() == '}') out += ',';
    out += schema::encode_json(*message, schema::partial_metadata(parse_entry(*entry)));
  }
  return out + "]}";
}

std::string joined(const std::vector<http::Chunk>& chunks) {
  std::string out;
  for (const auto& chunk : chunks) out.append(chunk.bytes);
  return out;
}

}  // namespace

void respond_list(Call& call, ListPage page) {
  if (call.form.as == As::kTable) return respond_json(call, 200, table_json(call, page.entries, metadata_json(page)));
  if (call.form.media == schema::Media::kProtobuf) {
    auto response = response_of(call, 200, {}, content_type(schema::Media::kProtobuf));
    response.body = protobuf_body(call, page);
    return call.exchange->respond(std::move(response));
  }
  if (call.form.as == As::kPartial) return respond_json(call, 200, partial_items(call, page));
  if (call.form.media == schema::Media::kYaml) return respond_json(call, 200, joined(json_body(call, page)));
  auto response = response_of(call, 200, {}, content_type(schema::Media::kJson));
  response.body = json_body(call, page);
  call.exchange->respond(std::move(response));
}

void list(const CallPtr& call) {
  auto page = read_page(*call);
  if (!page) return respond_error(*call, page.error());
  respond_list(*call, std::move(*page));
}

void get(const CallPtr& call) {
  const auto& target = call->target;
  if (auto version = not_newer(*call); !version) return respond_error(*call, version.error());
  const auto entry = call->env->store.get(key_of(call->kind(), target.ns, target.name));
  if (!entry) return respond_error(*call, not_found(call->kind(), target.name));
  respond_entry(*call, 200, entry);
}

}  // namespace gantry::apiserver
