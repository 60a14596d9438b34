// get and list: answers are gathers of stored buffers, nothing is decoded for JSON and protobuf. [any-thread]
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/listing.hpp"
#include "core/apiserver/verbs/made_list.hpp"
#include "core/apiserver/verbs/parts.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/schema/codec/wire.hpp"

namespace gantry::apiserver {
namespace {

namespace wire = schema::wire;

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

}  // namespace

void respond_list(const CallPtr& call, ListPage page) {
  if (is_made(call->form)) return respond_made_list(call, std::move(page));
  const auto media = call->form.media;
  auto response = response_of(*call, 200, {}, content_type(media));
  response.body = media == schema::Media::kProtobuf ? protobuf_body(*call, page) : json_body(*call, page);
  call->exchange->respond(std::move(response));
}

void list(const CallPtr& call) {
  auto query = read_list_query(*call);
  if (!query) return respond_error(*call, query.error());
  if (is_of_parts(call->kind())) return respond_list(call, list_parts(*call, query->selection));
  auto found = find_listed(*call, *query);
  if (!found) return respond_error(*call, found.error());
  choose(call, std::move(*query), std::move(*found), [call](ListPage page) { respond_list(call, std::move(page)); });
}

void get(const CallPtr& call) {
  const auto& target = call->target;
  if (is_of_parts(call->kind())) {
    const auto part = find_part(*call, target.name);
    return part ? respond_entry(*call, 200, part) : respond_error(*call, not_found(call->kind(), target.name));
  }
  if (auto version = not_newer(*call); !version) return respond_error(*call, version.error());
  const auto entry = call->env->store.get(key_of(call->kind(), target.ns, target.name));
  if (!entry) return respond_error(*call, not_found(call->kind(), target.name));
  const size_t bytes = ReadingCost(*call, false).of(*entry);
  if (!takes_long(bytes)) return respond_entry(*call, 200, entry);
  at_leisure(call, bytes, [call, entry] { respond_entry(*call, 200, entry); });
}

}  // namespace gantry::apiserver
