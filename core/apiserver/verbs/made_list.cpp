// Lists whose items have to be put into words first. Threads: see the header.
#include "core/apiserver/verbs/made_list.hpp"

#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/table/table.hpp"
#include "core/simulation/turns.hpp"

namespace gantry::apiserver {
namespace {

// Versions of more bytes than this go out in pieces of about kPiece; no further one is made while more than kHighWater
// waits for the peer, which is above the stream's low water.
constexpr size_t kWhole = 128 << 10;
constexpr size_t kPiece = 64 << 10;
constexpr size_t kHighWater = 1 << 20;
// After so many bytes of versions other long work has its turn.
constexpr size_t kTurn = 1 << 20;

bool is_yaml(const Call& call) { return call.form.media == schema::Media::kYaml; }

// The same document in YAML; `json` is the server's own.
std::string yaml_of(std::string_view json) {
  auto document = schema::parse_json(json);
  return document ? schema::to_yaml(*document) : std::string();
}

size_t bytes_of(const ListPage& page) {
  size_t bytes = 0;
  for (const auto& entry : page.entries) bytes += entry->value.size();
  return bytes;
}

}  // namespace

bool is_made(const Form& form) {
  if (form.media == schema::Media::kProtobuf) return false;
  return form.as != As::kObject || form.media == schema::Media::kYaml;
}

ListWriter::ListWriter(Call& call, const ListPage& page) : call_(call) {
  if (call.form.as == As::kTable) {
    head_ = table_json(call, {}, list_metadata_json(page));
  } else {
    head_ = list_open_json(call, page) + "]}";
  }
  constexpr size_t kEnd = 2;  // "]}"
  if (!is_yaml(call)) {
    tail_ = head_.substr(head_.size() - kEnd);
    head_.resize(head_.size() - kEnd);
    return;
  }
  head_ = yaml_of(head_);
  if (page.entries.empty()) return;
  const std::string empty = call.form.as == As::kTable ? "\nrows: []\n" : "\nitems: []\n";
  const auto at = head_.find(empty);
  tail_ = head_.substr(at + empty.size());
  head_.resize(at + empty.size() - std::string_view(" []\n").size());
  head_ += '\n';
}

std::string ListWriter::item(const store::Entry& entry) const {
  if (call_.form.as == As::kTable) return table_row(call_, entry);
  if (call_.form.as == As::kObject) return std::string("{").append(item_json(call_.kind(), entry));
  const auto* message = call_.schema->find_message("k8s.io.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata");
  return schema::encode_json(*message, schema::partial_metadata(parse_entry(entry)));
}

void ListWriter::append(const store::Entry& entry, bool first, std::string& out) const {
  if (is_yaml(call_)) {
    out += yaml_of("[" + item(entry) + "]");
    return;
  }
  if (!first) out += ',';
  out += item(entry);
}

void respond_made_list(const CallPtr& call, ListPage page) {
  if (bytes_of(page) > kWhole) return std::make_shared<ListStream>(call, std::move(page))->open();
  const ListWriter writer(*call, page);
  std::string text = writer.head();
  for (const auto& entry : page.entries) writer.append(*entry, entry == page.entries.front(), text);
  call->exchange->respond(response_of(*call, 200, text + writer.tail(), content_type(call->form.media)));
}

ListStream::ListStream(CallPtr call, ListPage page)
    : call_(std::move(call)), page_(std::move(page)), writer_(*call_, page_) {}

void ListStream::open() {
  stream_ = call_->exchange->start_stream(200, std::string(content_type(call_->form.media)));
  if (stream_) pump();
}

void ListStream::pump() {
  auto& entries = page_.entries;
  size_t work = 0;
  for (bool more = true; more;) {
    if (work > kTurn && simulation::Turns::current() == nullptr && !call_->env->stopping) {
      return call_->env->workers.go_on([self = shared_from_this()] { self->pump(); });
    }
    if (stream_->queued() > kHighWater) {
      return stream_->when_drained(
          [self = shared_from_this()] { self->call_->env->workers.go_on([self] { self->pump(); }); });
    }
    std::string piece = next_ == 0 ? writer_.head() : std::string();
    while (next_ < entries.size() && piece.size() < kPiece) {
      writer_.append(*entries[next_], next_ == 0, piece);
      work += entries[next_]->value.size();
      entries[next_++].reset();
    }
    more = next_ < entries.size();
    if (!more) piece += writer_.tail();
    if (!stream_->write({http::make_chunk(std::move(piece))})) return;
  }
  stream_->end();
}

}  // namespace gantry::apiserver
