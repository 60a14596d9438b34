// Inside of the codecs: a parsed document made canonical in place, and the JSON paths of what is wrong with it.
// Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/schema/codec/codec.hpp"
#include "core/schema/codec/problems.hpp"
#include "core/schema/schema.hpp"

namespace gantry::schema {

// A way into a document, linked on the stack while walking down.
struct Path {
  const Path* up = nullptr;
  std::string_view key;  // empty for an element of a list
  size_t index = 0;
  // "spec.containers[0].name"
  std::string text() const;
  // "spec.containers.name", as Go's decoder says it.
  std::string go_text() const;
};

// Brings `document` into canonical form. The error's message is the bare reason ("json: cannot unmarshal ...").
Status canonicalize_in_place(const Message& message, Json& document, const DecodeOptions& options, Problems& problems);

// The same for a document that was stored under another schema: what does not fit is left out, and told. How much that
// was.
size_t drop_misfits(const Message& message, Json& document, Problems& problems);

// "v1.PodSpec"; "PodSpec".
std::string go_type(const Message& message);
std::string_view short_name(const Message& message);

// A scalar of a special form (a Quantity, a Time...) into its canonical spelling. Drop: it is empty and is left out.
enum class Kept : uint8_t { kKeep, kDrop };
Expected<Kept> canonical_form(const Message& message, Json& value);

// As errors name a value: its JSON type, and a number as it is written.
std::string_view kind_word(const Json& value);
std::string number_text(const Json& value);
// "json: cannot unmarshal string into Go value of type int32"
Status value_error(std::string_view got, std::string_view wanted);

// The zero value of a list element or map value.
Json zero_element(const Field& field);

// `Pod in version "v1" cannot be handled as a Pod: why`.
Status unhandled(const Message& message, std::string_view api_version, std::string_view kind, std::string_view why,
                 std::string_view body);

}  // namespace gantry::schema
