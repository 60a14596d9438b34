// Owns the public entry points of the codecs: which reader for which bytes, and how their errors are told.
// Any thread.
#include "core/schema/codec/codec.hpp"

#include <algorithm>

#include "core/schema/codec/canonical.hpp"
#include "core/schema/codec/json_parse.hpp"
#include "core/schema/codec/problems.hpp"
#include "core/schema/codec/protobuf.hpp"
#include "core/schema/codec/yaml.hpp"
#include "core/schema/values/counted.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

std::string_view text_of(const Json& document, std::string_view key) {
  const auto* object = document.if_object();
  const Json* value = object != nullptr ? object->if_contains(key) : nullptr;
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

Expected<Json> decode_protobuf_body(const Message& message, std::string_view bytes, const DecodeOptions& options) {
  auto envelope = unwrap_protobuf(bytes);
  if (!envelope) return unhandled(message, "", "", envelope.error().message(), bytes);
  auto document = read_protobuf(message, envelope->raw, options);
  if (!document) {
    return unhandled(message, envelope->type.api_version, envelope->type.kind, document.error().message(), bytes);
  }
  auto& object = document->get_object();
  if (!envelope->type.kind.empty()) object["kind"] = envelope->type.kind;
  if (!envelope->type.api_version.empty()) object["apiVersion"] = envelope->type.api_version;
  return document;
}

Expected<Json> decode_text(const Message& message, Media media, std::string_view bytes, const DecodeOptions& options) {
  Problems problems(options.problems);
  auto document = media == Media::kJson ? parse_json_text(bytes, options.max_depth, options.account)
                                        : read_yaml(bytes, options.max_depth, options.account, problems);
  if (!document) {
    const std::string_view what = media == Media::kJson ? "json parse error: " : "";
    return unhandled(message, "", "", "couldn't get version/kind; " + std::string(what) + document.error().message(),
                     bytes);
  }
  if (media == Media::kJson && problems.wanted()) find_duplicate_fields(bytes, options, problems);
  Status status = canonicalize_in_place(message, *document, options, problems);
  if (!status.ok()) {
    return unhandled(message, text_of(*document, "apiVersion"), text_of(*document, "kind"), status.message(), bytes);
  }
  problems.finish();
  return document;
}

}  // namespace

Expected<Media> media_of(std::string_view content_type) {
  size_t end = content_type.find(';');
  std::string type = lower(content_type.substr(0, end));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  type.erase(0, std::min(type.find_first_not_of(' '), type.size()));
  if (type.empty() || type == "application/json") return Media::kJson;
  if (type == "application/yaml") return Media::kYaml;
  if (type == "application/vnd.kubernetes.protobuf") return Media::kProtobuf;
  return Status::unsupported_media_type(
      "the body of the request was in an unknown format - accepted media types include: application/json, "
      "application/yaml, application/vnd.kubernetes.protobuf");
}

Expected<Json> decode(const Message& message, Media media, std::string_view bytes, const DecodeOptions& options) {
  return counted([&] {
    return media == Media::kProtobuf ? decode_protobuf_body(message, bytes, options)
                                     : decode_text(message, media, bytes, options);
  });
}

Expected<TypeMeta> peek_type(Media media, std::string_view bytes) {
  if (media == Media::kProtobuf) {
    auto envelope = unwrap_protobuf(bytes);
    if (!envelope) return std::move(envelope).error();
    return envelope->type;
  }
  if (media == Media::kJson) return peek_json_type(bytes);
  return counted([&]() -> Expected<TypeMeta> {
    Problems nobody(nullptr);
    auto document = read_yaml(bytes, kMaxDepth, nullptr, nobody);
    if (!document) return Status::bad_request("couldn't get version/kind; " + document.error().message());
    return TypeMeta{std::string(text_of(*document, "apiVersion")), std::string(text_of(*document, "kind"))};
  });
}

Expected<Json> parse_json(std::string_view bytes, size_t max_depth, std::shared_ptr<limits::Account> account) {
  return counted([&] { return parse_json_text(bytes, max_depth, std::move(account)); });
}

Expected<Json> parse_yaml(std::string_view bytes, size_t max_depth, std::shared_ptr<limits::Account> account) {
  Problems nobody(nullptr);
  return counted([&] { return read_yaml(bytes, max_depth, std::move(account), nobody); });
}

Expected<Json> canonicalize(const Message& message, Json document, const DecodeOptions& options) {
  return counted([&]() -> Expected<Json> {
    Problems problems(options.problems);
    Status status = canonicalize_in_place(message, document, options, problems);
    if (!status.ok()) return status;
    problems.finish();
    return std::move(document);
  });
}

Status find_duplicates(std::string_view json, const DecodeOptions& options) {
  return counted([&] {
    Problems problems(options.problems);
    if (problems.wanted()) find_duplicate_fields(json, options, problems);
    problems.finish();
    return Status();
  });
}

Expected<size_t> fit(const Message& message, Json& document, const DecodeOptions& options) {
  return counted([&]() -> Expected<size_t> {
    Problems problems(options.problems);
    const size_t misfits = drop_misfits(message, document, problems);
    problems.finish();
    return misfits;
  });
}

}  // namespace gantry::schema
