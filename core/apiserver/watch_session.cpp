#include "core/apiserver/watch_session.hpp"

#include <algorithm>

#include "core/apiserver/errors.hpp"
#include "core/apiserver/lifecycle.hpp"
#include "core/apiserver/respond.hpp"
#include "core/apiserver/verbs.hpp"
#include "core/schema/codec.hpp"
#include "core/schema/table.hpp"
#include "core/schema/wire.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::apiserver {
namespace {

namespace wire = schema::wire;

constexpr std::string_view kPartialVersion = "meta.k8s.io/v1";
constexpr std::string_view kPartialKind = "PartialObjectMetadata";
constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";
// Upstream ends a watch that names no timeout after 30 to 60 minutes, so that a fleet does not return at once.
constexpr int64_t kDefaultTimeoutSeconds = 1'800;

std::string_view json_head(EventKind kind) {
  switch (kind) {
    case EventKind::kAdded: return R"({"type":"ADDED","object":)";
    case EventKind::kModified: return R"({"type":"MODIFIED","object":)";
    default: return R"({"type":"DELETED","object":)";
  }
}

// The version before, as it must be announced when it stops matching: with the revision of the change.
store::EntryPtr at_revision(const schema::Kind& kind, const store::Entry& previous, store::Revision revision) {
  auto entry = std::make_shared<store::Entry>();
  entry->key = previous.key;
  entry->create_revision = previous.create_revision;
  entry->mod_revision = revision;
  entry->value = encode_at(kind, parse_entry(previous), std::to_string(revision));
  return entry;
}

std::vector<http::Chunk> json_message(std::string_view head, http::Chunk object) {
  return {{head, nullptr}, std::move(object), {"}\n", nullptr}};
}

std::string bookmark_json(const schema::Kind& kind, store::Revision revision, bool initial_end) {
  std::string out = R"({"type":"BOOKMARK","object":{"kind":")" + kind.kind + R"(","apiVersion":")" + kind.api_version() +
                    R"(","metadata":{"resourceVersion":")" + std::to_string(revision) + "\"";
  if (initial_end) out += R"(,"annotations":{")" + std::string(kInitialEventsEnd) + R"(":"true"})";
  return out + "}}}\n";
}

std::string bookmark_metadata(store::Revision revision, bool initial_end) {
  std::string metadata;
  wire::put_bytes(metadata, 6, std::to_string(revision));
  if (initial_end) {
    std::string pair;
    wire::put_bytes(pair, 1, kInitialEventsEnd);
    wire::put_bytes(pair, 2, "true");
    wire::put_bytes(metadata, 12, pair);
  }
  std::string object;
  wire::put_bytes(object, 1, metadata);
  return object;
}

}  // namespace

WatchSession::WatchSession(CallPtr call, Selection selection, std::shared_ptr<http::Stream> stream)
    : call_(std::move(call)), selection_(std::move(selection)), stream_(std::move(stream)) {
  bookmarks_ = call_->query.flag("allowWatchBookmarks");
  last_bookmark_ns_ = call_->env->now();
}

WatchSession::~WatchSession() {
  const std::lock_guard lock(call_->env->sessions_mutex);
  call_->env->sessions.erase(this);
}

void WatchSession::start(const Begin& begin) {
  {
    const std::lock_guard lock(call_->env->sessions_mutex);
    call_->env->sessions.emplace(this, weak_from_this());
  }
  // The stream owns the session: it lives until the peer is gone or somebody ended it.
  stream_->on_close([self = shared_from_this()] { self->finish(); });
  const std::string prefix = key_prefix(call_->kind(), call_->target.ns);
  store::Revision from = begin.from;
  if (begin.initial_events) {
    auto state = call_->env->store.list(prefix);
    if (!state) return send_error(state.error());
    from = state->revision;
    for (const auto& entry : state->entries) {
      if (selection_.matches(call_->kind(), *entry) && !send(EventKind::kAdded, entry)) return finish();
    }
    if (begin.mark_their_end && !send_bookmark(from, true)) return finish();
  }
  auto watch = call_->env->store.watch(
      prefix, from, [weak = weak_from_this()](const store::EventPtr* events, size_t count, store::Revision progress) {
        if (auto self = weak.lock()) self->on_events(events, count, progress);
      });
  if (!watch) {
    return send_error(watch.error().code() != 410
                          ? watch.error()
                          : Status::expired("too old resource version: " + std::to_string(from) + " (" +
                                            std::to_string(call_->env->store.stats().compacted) + ")"));
  }
  {
    const std::lock_guard lock(mutex_);
    if (!finished_) watch_ = std::move(*watch);
  }
  arm_timeout();
}

void WatchSession::arm_timeout() {
  const auto given = call_->query.number("timeoutSeconds");
  int64_t seconds = given && *given && **given > 0 ? **given : 0;
  if (seconds == 0) {
    seconds = kDefaultTimeoutSeconds + static_cast<int64_t>(call_->env->options.random() % kDefaultTimeoutSeconds);
  }
  seconds = std::min<int64_t>(seconds, 86'400);
  call_->env->loop->post([weak = weak_from_this(), seconds] {
    const auto self = weak.lock();
    if (!self) return;
    self->timer_ = self->call_->env->loop->after(std::chrono::seconds(seconds), [weak] {
      if (auto again = weak.lock()) again->stream_->end();
    });
  });
}

void WatchSession::finish() {
  std::unique_ptr<store::Watch> watch;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(finished_, true)) return;
    watch = std::move(watch_);
  }
  // Outside the lock: this waits for a running callback.
  watch.reset();
  stream_->end();
  call_->env->loop->post([self = shared_from_this()] {
    if (self->timer_ != 0) self->call_->env->loop->cancel(self->timer_);
  });
}

void WatchSession::on_events(const store::EventPtr* events, size_t count, store::Revision progress) {
  for (size_t i = 0; i < count; ++i) {
    if (!send_event(*events[i])) return finish();
  }
  if (!bookmarks_) return;
  const int64_t now = call_->env->now();
  if (now - last_bookmark_ns_ < call_->env->options.bookmark_interval_ms * 1'000'000) return;
  last_bookmark_ns_ = now;
  if (!send_bookmark(progress, false)) finish();
}

// What a change means for this watcher depends on whether the object matched before and matches now.
bool WatchSession::send_event(const store::Event& event) {
  const auto& kind = call_->kind();
  const bool before = event.previous != nullptr && selection_.matches(kind, *event.previous);
  if (event.type == store::EventType::kDelete) {
    return !before ? true : send(EventKind::kDeleted, event.entry);
  }
  const bool now = selection_.matches(kind, *event.entry);
  if (now) return send(before ? EventKind::kModified : EventKind::kAdded, event.entry);
  if (!before) return true;
  return send(EventKind::kDeleted, at_revision(kind, *event.previous, event.entry->mod_revision));
}

bool WatchSession::send(EventKind kind, const store::EntryPtr& entry) {
  const auto& form = call_->form;
  if (form.media == schema::Media::kProtobuf) {
    const auto& bytes = protobuf(call_->kind(), *entry);
    if (form.as == As::kPartial) {
      const auto raw = bytes.metadata();
      return stream_->write({http::make_chunk(watch_header(event_name(kind), kPartialVersion, kPartialKind, raw.size())),
                             {raw, entry},
                             {kEnvelopeEnd, nullptr}});
    }
    return stream_->write({{bytes.watch_header(kind), entry}, {bytes.bytes, entry}, {kEnvelopeEnd, nullptr}});
  }
  if (form.as == As::kTable) {
    const std::string metadata = "{\"resourceVersion\":\"" + std::to_string(entry->mod_revision) + "\"}";
    const bool columns = !std::exchange(table_begun_, true);
    return stream_->write(
        json_message(json_head(kind), http::make_chunk(table_json(*call_, {entry}, metadata, columns))));
  }
  if (form.as == As::kPartial) {
    const auto* message = call_->env->schema.find_message("k8s.io.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata");
    return stream_->write(json_message(
        json_head(kind), http::make_chunk(schema::encode_json(*message, schema::partial_metadata(parse_entry(*entry))))));
  }
  return stream_->write(json_message(json_head(kind), {entry->value, entry}));
}

void WatchSession::send_error(const Status& status) {
  if (call_->form.media == schema::Media::kProtobuf) {
    std::string raw = to_proto(status).SerializeAsString();
    auto head = http::make_chunk(watch_header("ERROR", "v1", "Status", raw.size()));
    stream_->write({std::move(head), http::make_chunk(std::move(raw)), {kEnvelopeEnd, nullptr}});
  } else {
    stream_->write(json_message(R"({"type":"ERROR","object":)", http::make_chunk(status_json(status))));
  }
  finish();
}

bool WatchSession::send_bookmark(store::Revision revision, bool initial_end) {
  const auto& kind = call_->kind();
  const auto& form = call_->form;
  if (form.media == schema::Media::kProtobuf) {
    std::string raw = bookmark_metadata(revision, initial_end);
    const bool partial = form.as == As::kPartial;
    auto head = watch_header("BOOKMARK", partial ? std::string(kPartialVersion) : kind.api_version(),
                             partial ? std::string(kPartialKind) : kind.kind, raw.size());
    return stream_->write(
        {http::make_chunk(std::move(head)), http::make_chunk(std::move(raw)), {kEnvelopeEnd, nullptr}});
  }
  if (form.as == As::kTable) {
    const std::string metadata = "{\"resourceVersion\":\"" + std::to_string(revision) + "\"}";
    return stream_->write(json_message(R"({"type":"BOOKMARK","object":)",
                                       http::make_chunk(table_json(*call_, {}, metadata, !std::exchange(table_begun_, true)))));
  }
  return stream_->write({http::make_chunk(bookmark_json(kind, revision, initial_end))});
}

namespace {

Expected<WatchSession::Begin> read_begin(const Call& call) {
  WatchSession::Begin begin;
  const auto version = call.query.get("resourceVersion");
  const auto match = call.query.get("resourceVersionMatch");
  auto number = call.query.number("resourceVersion");
  if (!number || (*number && **number < 0)) {
    return Status::bad_request("resourceVersion: Invalid value: \"" + std::string(version) + "\": invalid resource version");
  }
  const int64_t given = *number ? **number : 0;
  const auto newest = call.env->store.revision();
  if (given > newest) return version_too_large(given, newest);
  if (call.query.has("sendInitialEvents")) {
    if (match != "NotOlderThan") {
      return Status::invalid("sendInitialEvents: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    begin.initial_events = call.query.flag("sendInitialEvents");
    begin.mark_their_end = begin.initial_events && call.query.flag("allowWatchBookmarks");
    begin.from = begin.initial_events ? 0 : (given > 0 ? given : newest);
    return begin;
  }
  if (!match.empty()) {
    return Status::invalid(
        "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  }
  begin.initial_events = given == 0;
  begin.from = given;
  return begin;
}

std::string stream_type(const Form& form) {
  if (form.media == schema::Media::kProtobuf) return "application/vnd.kubernetes.protobuf;stream=watch";
  return "application/json";
}

}  // namespace

void watch(const CallPtr& call) {
  // YAML has no streaming form.
  if (call->form.media == schema::Media::kYaml) call->form.media = schema::Media::kJson;
  auto selection = read_selection(*call);
  if (!selection) return respond_error(*call, selection.error());
  auto begin = read_begin(*call);
  if (!begin) return respond_error(*call, begin.error());
  auto stream = call->exchange->start_stream(200, stream_type(call->form));
  if (!stream) return respond_error(*call, Status::bad_request("this connection can't carry a watch"));
  std::make_shared<WatchSession>(call, std::move(*selection), std::move(stream))->start(*begin);
}

}  // namespace gantry::apiserver
