// Documents from bytes and to bytes: JSON, YAML and protobuf, driven by the schema tree.
//
// A decoded document is canonical: known fields only, in the types of the schema (quantities and times in canonical
// spelling), empty values that the JSON form omits left out. Encoding a canonical document gives byte for byte what
// the upstream server sends for the same object. Pure functions, any thread. Time and memory grow no faster than what
// they are given; what an account refuses memory ends with TooManyRequests. Nothing is thrown.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits/account.hpp"
#include "core/schema/schema.hpp"

namespace gantry::schema {

// Objects and lists within each other, the document itself included. What the room makes is never deeper, and so what
// is recursive over documents needs no bound of its own.
inline constexpr size_t kMaxDepth = 64;
// Problems of one document that are told, as upstream does.
inline constexpr size_t kMaxProblems = 100;

enum class Media : uint8_t { kJson, kYaml, kProtobuf };

// By Content-Type ("application/json; charset=utf-8"); error: UnsupportedMediaType with upstream's message.
Expected<Media> media_of(std::string_view content_type);

struct DecodeOptions {
  size_t max_depth = kMaxDepth;
  // Unknown or duplicate fields are collected here ("unknown field \"spec.foo\"", "duplicate field ..."), for
  // fieldValidation Warn and Strict; null: dropped silently (Ignore). At most kMaxProblems and how many more there are,
  // each of some hundred bytes.
  std::vector<std::string>* problems = nullptr;
  // What the document's bytes are charged to, for as long as it lives (arena.hpp); null: nobody counts them.
  std::shared_ptr<limits::Account> account;
  // Wrong types are told as upstream's converter does, which strategic merge patches pass: no path, no JSON.
  bool converted = false;
};

// Parses a request body into a canonical document of `message`. Errors are BadRequest in upstream's form, naming the
// path of the bad value. The document keeps apiVersion and kind when the bytes have them (protobuf: from the envelope).
Expected<Json> decode(const Message& message, Media media, std::string_view bytes, const DecodeOptions& options = {});

// apiVersion and kind of a body, without decoding the rest (protobuf: from the envelope).
struct TypeMeta {
  std::string api_version, kind;
};
Expected<TypeMeta> peek_type(Media media, std::string_view bytes);

// Any JSON or YAML text as a plain document (for patches). Depth-limited, UTF-8 checked. Errors are the bare reason.
Expected<Json> parse_json(std::string_view bytes, size_t max_depth = kMaxDepth,
                          std::shared_ptr<limits::Account> account = nullptr);
Expected<Json> parse_yaml(std::string_view bytes, size_t max_depth = kMaxDepth,
                          std::shared_ptr<limits::Account> account = nullptr);

// Brings a plain document (after a patch) into canonical form, where it lies; errors are decode's bare reason.
Expected<Json> canonicalize(const Message& message, Json document, const DecodeOptions& options = {});

// Tells options.problems which fields stand twice in an object of a JSON text, as decode does. Error: TooManyRequests.
Status find_duplicates(std::string_view json, const DecodeOptions& options);

// What was stored before its kind's fields changed (a plugin's, at a restart) may no longer be of their types. Brings
// it into canonical form without the values that do not fit, and says how many those were; options.problems names them.
// Error: TooManyRequests.
Expected<size_t> fit(const Message& message, Json& document, const DecodeOptions& options = {});

// JSON bytes. `revision_at` receives the offset between the quotes of metadata.resourceVersion, which is
// written as an empty string at its place (for store::Write); null: the document's own value is written.
std::string encode_json(const Message& message, const Json& document, size_t* revision_at = nullptr);

// Plain protobuf of a canonical document (no envelope).
Expected<std::string> encode_protobuf(const Message& message, const Json& document);

// The "k8s\0" envelope (runtime.Unknown) around plain protobuf.
std::string wrap_protobuf(std::string_view api_version, std::string_view kind, std::string_view raw);
struct Envelope {
  TypeMeta type;
  std::string_view raw;
};
Expected<Envelope> unwrap_protobuf(std::string_view bytes);

std::string to_yaml(const Json& document);

}  // namespace gantry::schema
