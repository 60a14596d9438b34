// Puts answers together: an error, a document, a stored object, in the form the caller asked for. [any-thread]
#pragma once

#include "core/apiserver/environment.hpp"

namespace gantry::apiserver {

void respond_error(Call& call, const Status& status);
// JSON text of an object (a Status, discovery, ...) whose schema message has this full name (for protobuf), or null:
// JSON only.
void respond_json(Call& call, int code, std::string json, std::string_view message = {});
// A stored version.
void respond_entry(Call& call, int code, const store::EntryPtr& entry);
// A document that is not stored (dry run, scale).
void respond_document(Call& call, int code, const schema::Kind& kind, const Json& document);
void respond_success(Call& call, std::string_view name, std::string_view uid, int code = 200);

// Goes on with a call on the server's own thread: for work that the store's writer, which calls back, has no time for
// and that never blocks. Whatever it throws is answered as an internal error.
void later(const CallPtr& call, std::function<void()> work);

http::Response response_of(Call& call, int code, std::string body, std::string_view type);
// One Table as JSON.
std::string table_json(Call& call, const std::vector<store::EntryPtr>& entries, std::string_view metadata,
                       bool with_columns = true);

}  // namespace gantry::apiserver
