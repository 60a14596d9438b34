// Puts answers together: an error, a document, a stored object, in the form the caller asked for. [any-thread]
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

void respond_error(Call& call, const Status& status, http::Headers more = {});
// JSON text of an object (a Status, discovery, ...) whose schema message has this full name (for protobuf), or null:
// JSON only.
void respond_json(Call& call, int code, std::string json, std::string_view message = {});
// A stored version, as the call's kind sees it.
void respond_entry(Call& call, int code, const store::EntryPtr& entry);
// A document that is not stored (dry run, scale).
void respond_document(Call& call, int code, const schema::Kind& kind, const Json& document);
void respond_success(Call& call, std::string_view name, std::string_view uid, int code = 200);
// Of a subresource that was written: 201. Short, for the store's writer thread.
void respond_done(Call& call);

// Goes on with a call on a thread of the server's own: for work that the store's writer, which calls back, has no time
// for and that never blocks. `bytes`: of the document it is about. Whatever it throws is answered as an internal error.
void later(const CallPtr& call, size_t bytes, std::function<void()> work);
// Whether work on a document of this size is to be handed over to a thread that has the time.
inline bool takes_long(size_t bytes) { return bytes > kShortDocument && !Workers::here(); }
// Begins such work, unless its peer has gone by then; false: too much waits, and the call is to be answered with
// too_busy(). Whatever it throws is answered as an internal error.
bool hand_over(const CallPtr& call, std::function<void()> work);
Status too_busy();
// Whether somebody still waits for a call's answer; else it is answered, and its work is to end.
bool awaited(Call& call);
// Runs a call's work here or, when it takes long, elsewhere; answers the call when it can't.
void at_leisure(const CallPtr& call, size_t bytes, std::function<void()> work);

http::Response response_of(Call& call, int code, std::string body, std::string_view type);
// One Table as JSON, and a row of it.
std::string table_row(Call& call, const store::Entry& entry);
std::string table_json(Call& call, const std::vector<store::EntryPtr>& entries, std::string_view metadata,
                       bool with_columns = true);
// One of a document that is not stored, of another kind than the call's.
std::string table_json(Call& call, const schema::Kind& kind, const Json& document);

}  // namespace gantry::apiserver
