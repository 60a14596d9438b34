// What readers derive from a stored version, once: attributes for selectors (slot 0), protobuf (slot 1).
// Thread-safe: made with the write where readers are sure to come (derive), else by whoever needs it first; a loser of
// that race throws his away.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "core/apiserver/request/documents.hpp"
#include "core/limits/account.hpp"
#include "core/schema/schema.hpp"
#include "core/schema/selector/selector.hpp"
#include "core/store/store.hpp"

namespace gantry::apiserver {

enum class EventKind : uint8_t { kAdded, kModified, kDeleted };
std::string_view event_name(EventKind kind);

// The end of every envelope: empty contentEncoding and contentType.
constexpr std::string_view kEnvelopeEnd("\x1a\x00\x22\x00", 4);

struct ProtobufForm : store::Derived {
  std::string bytes;  // the object, without envelope
  std::string heads;  // item header, then three watch headers; the first ends with the envelope's
  std::array<uint16_t, 5> ends{};

  size_t size() const override { return sizeof(*this) + bytes.capacity() + heads.capacity(); }
  std::string_view item_header() const { return part(0); }
  std::string_view watch_header(EventKind kind) const { return part(1 + static_cast<size_t>(kind)); }
  std::string_view envelope_prefix() const { return part(4); }
  // The leading metadata field alone, which is a PartialObjectMetadata.
  std::string_view metadata() const;

 private:
  std::string_view part(size_t i) const {
    const size_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(heads).substr(begin, ends[i] - begin);
  }
};

// "k8s\0" and the Unknown message up to its raw bytes of this size.
std::string envelope_prefix(std::string_view api_version, std::string_view kind, size_t raw_size);
// A watch frame up to the raw bytes: length, event type, envelope prefix.
std::string watch_header(std::string_view type, std::string_view api_version, std::string_view kind, size_t raw_size);

const schema::Attributes& attributes(const schema::Kind& kind, const store::Entry& entry);
const ProtobufForm& protobuf(const schema::Kind& kind, const store::Entry& entry);
// Derives both from the document that `write` is about to store, as they would be from its bytes.
void derive(const schema::Kind& kind, const Json& document, store::Write& write);
// What a write takes until the store has it.
size_t size_of(const store::Write& write);
// The stored document, parsed.
Json parse_entry(const store::Entry& entry);
// The same for a request that pays for it. Error: TooManyRequests.
Expected<Json> parse_entry(const store::Entry& entry, const std::shared_ptr<limits::Account>& account);
// The JSON behind the leading kind and apiVersion, as items of lists have it (without the opening brace).
std::string_view item_json(const schema::Kind& kind, const store::Entry& entry);

}  // namespace gantry::apiserver
