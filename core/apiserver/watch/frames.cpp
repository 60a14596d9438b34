// The bytes of watch events. Thread-safe.
#include "core/apiserver/watch/frames.hpp"

#include <boost/json/serialize.hpp>

#include "core/apiserver/request/call.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/table/table.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::apiserver {
namespace {

constexpr std::string_view kPartial = "k8s.io.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata";
constexpr std::string_view kMetaVersion = "meta.k8s.io/v1";
constexpr std::string_view kJsonEnd = "}\n";

// Literals, so that chunks may point at them.
std::string_view json_head(EventKind kind) {
  switch (kind) {
    case EventKind::kAdded:
      return R"({"type":"ADDED","object":)";
    case EventKind::kModified:
      return R"({"type":"MODIFIED","object":)";
    default:
      return R"({"type":"DELETED","object":)";
  }
}

Frame json_frame(std::string_view type, const std::string& object) {
  return {http::make_chunk("{\"type\":\"" + std::string(type) + "\",\"object\":" + object + std::string(kJsonEnd))};
}

Frame protobuf_frame(std::string_view type, std::string_view api_version, std::string_view kind, std::string raw) {
  auto head = http::make_chunk(watch_header(type, api_version, kind, raw.size()));
  return {std::move(head), http::make_chunk(std::move(raw)), {kEnvelopeEnd, nullptr}};
}

// What tells one made form from another.
ServedForm form_of(const Call& call, EventKind kind, bool columns) {
  const auto include = call.query.get("includeObject");
  const uint32_t wanted = include == "None" ? 1 : include == "Object" ? 2 : 0;
  const uint32_t form = static_cast<uint32_t>(call.form.as) | static_cast<uint32_t>(kind) << 4 | wanted << 8 |
                        static_cast<uint32_t>(columns) << 12;
  return {call.target.kind, call.schema->generation(), form};
}

std::string table_frame(Call& call, EventKind kind, const store::EntryPtr& entry, bool columns) {
  std::string out(json_head(kind));
  out += table_json(call, {entry}, "{\"resourceVersion\":\"" + std::to_string(entry->mod_revision) + "\"}", columns);
  return out.append(kJsonEnd);
}

std::string partial_frame(const Call& call, EventKind kind, const store::EntryPtr& entry) {
  std::string out(json_head(kind));
  out += schema::encode_json(*call.schema->find_message(kPartial), schema::partial_metadata(parse_entry(*entry)));
  return out.append(kJsonEnd);
}

Frame protobuf_event(const Call& call, EventKind kind, const store::EntryPtr& entry) {
  const auto& form = protobuf(call.kind(), *entry);
  if (call.form.as == As::kPartial) {
    const auto raw = form.metadata();
    return {http::make_chunk(watch_header(event_name(kind), kMetaVersion, "PartialObjectMetadata", raw.size())),
            {raw, entry},
            {kEnvelopeEnd, nullptr}};
  }
  return {{form.watch_header(kind), entry}, {form.bytes, entry}, {kEnvelopeEnd, nullptr}};
}

}  // namespace

http::Chunk FrameCache::get(const store::EntryPtr& entry, const ServedForm& form,
                            const std::function<std::string()>& make) {
  const size_t at =
      (std::hash<const void*>()(entry.get()) / alignof(std::max_align_t) + form.form * 31) % slots_.size();
  {
    std::lock_guard lock(mutex_);
    const auto& slot = slots_[at];
    if (slot.form == form && same_owner(slot.entry, entry)) return slot.frame;
  }
  auto frame = http::make_chunk(make());
  frame.own = false;  // many watches send it
  if (frame.bytes.size() > kMostBytes) return frame;
  Slot old{entry, form, frame};
  std::vector<http::Chunk> dropped;  // freed after the lock
  std::lock_guard lock(mutex_);
  // Made by two at once: one is kept, and both send it.
  if (slots_[at].form == form && same_owner(slots_[at].entry, entry)) return slots_[at].frame;
  std::swap(slots_[at], old);
  bytes_ += frame.bytes.size();
  bytes_ -= old.frame.bytes.size();
  while (bytes_ > kMostBytes) {
    auto& next = slots_[hand_++ % slots_.size()];
    if (&next == &slots_[at] || next.frame.bytes.empty()) continue;
    bytes_ -= next.frame.bytes.size();
    dropped.push_back(std::move(next.frame));
    next = {};
  }
  return frame;
}

void FrameCache::clear() {
  decltype(slots_) old;
  std::lock_guard lock(mutex_);
  std::swap(slots_, old);
  bytes_ = 0;
}

size_t FrameCache::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

Frame event_frame(Call& call, EventKind kind, const store::EntryPtr& entry, bool first) {
  if (call.form.as == As::kTable) {
    return {
        call.env->frames.get(entry, form_of(call, kind, first), [&] { return table_frame(call, kind, entry, first); })};
  }
  if (call.form.media == schema::Media::kProtobuf) return protobuf_event(call, kind, entry);
  if (call.form.as == As::kPartial) {
    return {call.env->frames.get(entry, form_of(call, kind, false), [&] { return partial_frame(call, kind, entry); })};
  }
  return {{json_head(kind), nullptr}, {entry->value, entry}, {kJsonEnd, nullptr}};
}

Frame bookmark_frame(const Call& call, store::Revision revision, bool initial_events_end) {
  constexpr std::string_view kBookmark = "BOOKMARK";
  JsonObject metadata{{"resourceVersion", std::to_string(revision)}};
  if (initial_events_end) metadata["annotations"] = JsonObject{{"k8s.io/initial-events-end", "true"}};
  if (call.form.as == As::kTable) {
    const Json table = JsonObject{{"kind", "Table"},
                                  {"apiVersion", kMetaVersion},
                                  {"metadata", std::move(metadata)},
                                  {"columnDefinitions", nullptr},
                                  {"rows", JsonArray()}};
    return json_frame(kBookmark, boost::json::serialize(table));
  }
  const bool partial = call.form.as == As::kPartial;
  const std::string version = partial ? std::string(kMetaVersion) : call.kind().api_version();
  const std::string kind = partial ? "PartialObjectMetadata" : call.kind().kind;
  const auto& message = partial ? *call.schema->find_message(kPartial) : *call.kind().message;
  const Json object = JsonObject{{"kind", kind}, {"apiVersion", version}, {"metadata", std::move(metadata)}};
  if (call.form.media != schema::Media::kProtobuf) return json_frame(kBookmark, schema::encode_json(message, object));
  auto raw = schema::encode_protobuf(message, object);
  return protobuf_frame(kBookmark, version, kind, raw ? std::move(*raw) : std::string());
}

Frame error_frame(const Call& call, const Status& whole) {
  const Status status = within_bounds(whole);
  if (call.form.media != schema::Media::kProtobuf) return json_frame("ERROR", status_json(status));
  return protobuf_frame("ERROR", "v1", "Status", to_proto(status).SerializeAsString());
}

std::string watch_content_type(const Call& call) {
  std::string type(content_type(call.form.media));
  return call.form.media == schema::Media::kJson ? type : type + ";stream=watch";
}

}  // namespace gantry::apiserver
