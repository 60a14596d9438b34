// Upstream's error Statuses. Pure, any thread.
#include "core/apiserver/request/errors.hpp"

#include "core/apiserver/request/documents.hpp"
#include "core/schema/rules/rules.hpp"

namespace gantry::apiserver {
namespace {

// At most `most` bytes of a text, whole characters, with a sign that there was more.
std::string cut(std::string text, size_t most) {
  if (text.size() <= most) return text;
  constexpr std::string_view kMore = "...";
  most -= kMore.size();
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  text.resize(most);
  return text.append(kMore);
}

void add_member(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  if (out.back() != '{') out += ',';
  out += quoted(key) + ':' + quoted(value);
}

std::string details_json(const StatusDetails& details) {
  std::string out = "{";
  add_member(out, "name", details.name);
  add_member(out, "group", details.group);
  add_member(out, "kind", details.kind);
  add_member(out, "uid", details.uid);
  if (!details.causes.empty()) {
    if (out.back() != '{') out += ',';
    out += "\"causes\":[";
    for (const auto& cause : details.causes) {
      if (out.back() == '}') out += ',';
      out += '{';
      add_member(out, "reason", cause.reason);
      add_member(out, "message", cause.message);
      add_member(out, "field", cause.field);
      out += '}';
    }
    out += ']';
  }
  if (details.retry_after_seconds > 0) {
    if (out.back() != '{') out += ',';
    out += "\"retryAfterSeconds\":" + std::to_string(details.retry_after_seconds);
  }
  return out + "}";
}

// Upstream's InternalError tells twice what happened: after some words, and as its only cause.
Status with_cause(Status status) {
  constexpr std::string_view kWords = "Internal error occurred: ";
  if (status.reason() != "InternalError" || status.details()) return status;
  const std::string& message = status.message();
  const bool has_words = message.starts_with(kWords);
  // The authorizer's failures have words of their own.
  if (message.starts_with("Internal Server Error")) return status;
  StatusDetails details;
  details.causes.push_back({"", has_words ? message.substr(kWords.size()) : message, ""});
  return Status(status.code(), status.reason(), has_words ? message : std::string(kWords) + message)
      .with_details(std::move(details));
}

}  // namespace

Status method_not_supported(const schema::Kind& kind, std::string_view method) {
  return Status::method_not_allowed(std::string(method) + " is not supported on resources of kind \"" +
                                    qualified(kind) + "\"")
      .with_details(schema::details_of(kind, {}));
}

Status unknown_resource() {
  StatusDetails details;
  details.causes.push_back({"UnexpectedServerResponse", "404 page not found", ""});
  return Status::not_found("the server could not find the requested resource").with_details(std::move(details));
}

Status invalid_options(std::string_view kind, std::string_view field, std::string_view reason, std::string message) {
  schema::Kind options;
  options.group = "meta.k8s.io";
  options.version = "v1";
  options.kind = kind;
  return schema::invalid_status(options, "", {{std::string(reason), std::move(message), std::string(field)}});
}

Status hold(limits::Charge& charge, size_t bytes) {
  constexpr size_t kLittle = 8 << 10;
  if (bytes <= kLittle) {
    charge.add(bytes);
    return {};
  }
  if (charge.grow(bytes)) return {};
  const auto& account = charge.account();
  if (account->fits(bytes)) {
    return Status::too_many_requests("the memory for requests under way is used up, please try again later");
  }
  return Status::too_large("Request entity too large: limit is " + std::to_string(account->limit()));
}

Status out_of_time() { return Status::timeout("Timeout: request did not complete within the allotted timeout"); }

Status shutting_down() { return Status::unavailable("the server is shutting down"); }

Status version_too_large(int64_t wanted, int64_t current) {
  StatusDetails details;
  details.causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  details.retry_after_seconds = 1;
  return Status::timeout("Timeout: Too large resource version: " + std::to_string(wanted) +
                         ", current: " + std::to_string(current))
      .with_details(std::move(details));
}

Status within_bounds(Status given) {
  Status status = with_cause(std::move(given));
  constexpr size_t kMessage = 32 << 10, kCause = 4 << 10, kCauses = 128;
  auto details = status.details();
  if (details) {
    if (details->causes.size() > kCauses) details->causes.resize(kCauses);
    for (auto& cause : details->causes) {
      cause.message = cut(std::move(cause.message), kCause);
      cause.field = cut(std::move(cause.field), kCause);
    }
    details->name = cut(std::move(details->name), kCause);
  }
  Status out(status.code(), status.reason(), cut(status.message(), kMessage));
  return details ? std::move(out).with_details(std::move(*details)) : out;
}

std::string status_json(const Status& status) {
  std::string out = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure")";
  add_member(out, "message", status.message());
  add_member(out, "reason", status.reason());
  if (status.details()) out += ",\"details\":" + details_json(*status.details());
  return out + ",\"code\":" + std::to_string(status.code()) + "}";
}

std::string success_json(const schema::Kind& kind, std::string_view name, std::string_view uid, int code) {
  auto details = schema::details_of(kind, name);
  details.uid = uid;
  if (code == 201) return R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201})";
  return R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":)" + details_json(details) +
         "}";
}

}  // namespace gantry::apiserver
