// Puts answers together. [any-thread]
#include "core/apiserver/request/respond.hpp"

#include <unordered_set>

#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/verbs/stored.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/table/table.hpp"
#include "core/simulation/turns.hpp"
#include "gantry/status_proto.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/status.pb.h"

namespace gantry::apiserver {
namespace {

constexpr std::string_view kMeta = "k8s.io.apimachinery.pkg.apis.meta.v1.";

void respond_parts(Call& call, int code, std::string_view type, std::vector<http::Chunk> body) {
  auto response = response_of(call, code, {}, type);
  response.body = std::move(body);
  call.exchange->respond(std::move(response));
}

// As upstream: each is said once, long ones are cut when all together are too long, and what is still too much is left
// out.
void add_warnings(http::Response& response, const std::vector<std::string>& warnings) {
  constexpr size_t kTotal = 4'096, kEach = 256, kMost = 100;
  size_t total = 0;
  for (const auto& warning : warnings) total += warning.size();
  const size_t most = total > kTotal ? kEach : kTotal;
  size_t said = 0;
  std::unordered_set<std::string_view> known;
  for (const auto& warning : warnings) {
    if (known.size() == kMost) return;
    if (!known.insert(warning).second) continue;
    std::string escaped;
    for (const char c : std::string_view(warning).substr(0, most)) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') escaped += '\\';
      // Field names are the caller's; nothing of them may end the header.
      escaped += byte < 0x20 || byte >= 0x7f ? '?' : c;
    }
    said += escaped.size();
    if (said > kTotal) return;
    response.headers.emplace_back("Warning", "299 - \"" + escaped + "\"");
  }
}

std::string partial_json(Call& call, const Json& document) {
  const auto* message = call.schema->find_message(std::string(kMeta) + "PartialObjectMetadata");
  return schema::encode_json(*message, schema::partial_metadata(document));
}

void respond_protobuf(Call& call, int code, const store::EntryPtr& entry) {
  const auto& form = protobuf(call.kind(), *entry);
  std::string_view raw = form.bytes;
  http::Chunk head{form.envelope_prefix(), entry};
  if (call.form.as == As::kPartial) {
    raw = form.metadata();
    head = http::make_chunk(envelope_prefix("meta.k8s.io/v1", "PartialObjectMetadata", raw.size()));
  }
  respond_parts(call, code, content_type(call.form.media), {std::move(head), {raw, entry}, {kEnvelopeEnd, nullptr}});
}

schema::IncludeObject included(const Call& call) {
  const auto wanted = call.query.get("includeObject");
  return wanted == "None"     ? schema::IncludeObject::kNone
         : wanted == "Object" ? schema::IncludeObject::kObject
                              : schema::IncludeObject::kMetadata;
}

}  // namespace

http::Response response_of(Call& call, int code, std::string body, std::string_view type) {
  http::Response response;
  response.code = code;
  response.content_type = type;
  response.headers.emplace_back("Cache-Control", "no-cache, private");
  const auto* kind = call.target.kind;
  if (kind == nullptr || kind->deprecated.empty() || code == 401 || code == 403) {
    add_warnings(response, call.warnings);
  } else {
    std::vector<std::string> warnings{kind->deprecated};
    warnings.insert(warnings.end(), call.warnings.begin(), call.warnings.end());
    add_warnings(response, warnings);
  }
  if (!body.empty()) response.body.push_back(http::make_chunk(std::move(body)));
  return response;
}

namespace {

std::function<void()> guarded(const CallPtr& call, std::function<void()> work) {
  // A watch gives its exchange away, and may fail after that.
  return [call, answer = call->exchange, work = std::move(work)] {
    try {
      work();
    } catch (const std::exception& problem) {
      call->exchange = answer;
      respond_error(*call, Status::internal(problem.what()));
    }
  };
}

}  // namespace

void later(const CallPtr& call, size_t bytes, std::function<void()> work) {
  auto rest = guarded(call, std::move(work));
  // A stopped loop would drop it.
  if (call->env->stopping) return rest();
  if (bytes > kShortDocument && simulation::Turns::current() == nullptr) {
    return call->env->workers.go_on(std::move(rest));
  }
  call->env->loop->post(simulation::bind_turn("an answer", std::move(rest)));
}

bool hand_over(const CallPtr& call, std::function<void()> work) {
  return call->env->workers.begin(guarded(call, [call, work = std::move(work)] {
    if (call->env->stopping) return respond_error(*call, shutting_down());
    if (awaited(*call)) work();
  }));
}

bool awaited(Call& call) {
  if (call.exchange->open() && std::chrono::steady_clock::now() < call.deadline) return true;
  respond_error(call, out_of_time());
  return false;
}

Status too_busy() {
  return Status::too_many_requests("too many requests with long documents are at work, please try again later");
}

void at_leisure(const CallPtr& call, size_t bytes, std::function<void()> work) {
  if (!takes_long(bytes)) return work();
  if (!hand_over(call, std::move(work))) respond_error(*call, too_busy());
}

void respond_error(Call& call, const Status& whole, http::Headers more) {
  const Status status = within_bounds(whole);
  const int code = status.code() == 0 ? 500 : status.code();
  const bool binary = call.form.media == schema::Media::kProtobuf;
  auto response = response_of(
      call, code,
      binary ? schema::wrap_protobuf("v1", "Status", to_proto(status).SerializeAsString()) : status_json(status),
      content_type(binary ? schema::Media::kProtobuf : schema::Media::kJson));
  for (auto& header : more) response.headers.push_back(std::move(header));
  if (status.details() && status.details()->retry_after_seconds > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(status.details()->retry_after_seconds));
  } else if (code == 429) {
    response.headers.emplace_back("Retry-After", "1");
  }
  call.exchange->respond(std::move(response));
}

void respond_json(Call& call, int code, std::string json, std::string_view message_name) {
  const auto* message = message_name.empty() ? nullptr : call.schema->find_message(message_name);
  auto media = call.form.media;
  if (media == schema::Media::kProtobuf && message != nullptr) {
    if (auto document = schema::parse_json(json)) {
      if (auto bytes = schema::encode_protobuf(*message, *document)) {
        auto body = schema::wrap_protobuf(text_at(*document, {"apiVersion"}), text_at(*document, {"kind"}), *bytes);
        return call.exchange->respond(response_of(call, code, std::move(body), content_type(media)));
      }
    }
  }
  if (media == schema::Media::kYaml) {
    if (auto document = schema::parse_json(json)) json = schema::to_yaml(*document);
  } else {
    media = schema::Media::kJson;
  }
  call.exchange->respond(response_of(call, code, std::move(json), content_type(media)));
}

void respond_entry(Call& call, int code, const store::EntryPtr& stored) {
  const auto entry = StoredAs(call.kind()).seen(stored);
  if (call.form.as == As::kTable) {
    const std::string metadata = "{\"resourceVersion\":\"" + std::to_string(entry->mod_revision) + "\"}";
    return respond_json(call, code, table_json(call, {entry}, metadata));
  }
  if (call.form.media == schema::Media::kProtobuf) return respond_protobuf(call, code, entry);
  if (call.form.as == As::kPartial) return respond_json(call, code, partial_json(call, parse_entry(*entry)));
  if (call.form.media == schema::Media::kYaml) return respond_json(call, code, entry->value);
  respond_parts(call, code, content_type(schema::Media::kJson), {{entry->value, entry}});
}

void respond_document(Call& call, int code, const schema::Kind& kind, const Json& document) {
  auto entry = std::make_shared<store::Entry>();
  entry->value = schema::encode_json(*kind.message, document);
  if (&kind == call.target.kind) return respond_entry(call, code, entry);
  respond_json(call, code, entry->value, kind.message->name);
}

void respond_success(Call& call, std::string_view name, std::string_view uid, int code) {
  respond_json(call, code, success_json(call.kind(), name, uid, code), std::string(kMeta) + "Status");
}

void respond_done(Call& call) {
  if (call.form.media != schema::Media::kProtobuf) return respond_success(call, {}, {}, 201);
  k8s::io::apimachinery::pkg::apis::meta::v1::Status success;
  success.mutable_metadata();
  success.set_status("Success");
  success.set_code(201);
  call.exchange->respond(response_of(call, 201, schema::wrap_protobuf("v1", "Status", success.SerializeAsString()),
                                     content_type(schema::Media::kProtobuf)));
}

std::string table_row(Call& call, const store::Entry& entry) {
  return schema::table_row_json(call.kind(), parse_entry(entry), entry.value, included(call), call.env->now());
}

std::string table_json(Call& call, const std::vector<store::EntryPtr>& entries, std::string_view metadata,
                       bool with_columns) {
  std::string out = R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":)";
  out.append(metadata).append(",");
  // table_columns_json gives the whole member; later messages of a watch leave the columns out.
  out += with_columns ? schema::table_columns_json(call.kind()) : "\"columnDefinitions\":null";
  out += ",\"rows\":[";
  for (const auto& entry : entries) {
    if (out.back() == '}') out += ',';
    out += table_row(call, *entry);
  }
  return out + "]}";
}

std::string table_json(Call& call, const schema::Kind& kind, const Json& document) {
  std::string out = R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":)";
  out += quoted(text_at(document, {"metadata", "resourceVersion"}));
  out.append("},").append(schema::table_columns_json(kind)).append(",\"rows\":[");
  const std::string text = schema::encode_json(*kind.message, document);
  return out + schema::table_row_json(kind, document, text, included(call), call.env->now()) + "]}";
}

}  // namespace gantry::apiserver
