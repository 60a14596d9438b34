// Conversion between the stored and the served version. Pure, any thread.
#include "core/apiserver/verbs/stored.hpp"

#include "core/apiserver/request/forms.hpp"
#include "core/schema/codec/codec.hpp"

namespace gantry::apiserver {
namespace {

Expected<Json> converted(Json document, const schema::Kind& kind, void (*convert)(JsonObject&)) {
  auto& object = document.as_object();
  object["apiVersion"] = kind.api_version();
  object["kind"] = kind.kind;
  convert(object);
  return schema::canonicalize(*kind.message, std::move(document));
}

}  // namespace

store::EntryPtr StoredAs::seen(store::EntryPtr entry) const {
  if (same()) return entry;
  auto stored = parse_entry(*entry);
  // What a dry run answers with was never stored.
  if (text_at(stored, {"apiVersion"}) == kind_.api_version()) return entry;
  auto document = converted(std::move(stored), kind_, kind_.behavior->conversion->from_stored);
  if (!document) return entry;  // what the server stored is canonical
  auto view = std::make_shared<store::Entry>();
  view->key = entry->key;
  view->value = schema::encode_json(*kind_.message, *document);
  view->create_revision = entry->create_revision;
  view->mod_revision = entry->mod_revision;
  return view;
}

Status StoredAs::fill(store::Write& write, const Json& document) const {
  Expected<Json> other{Json()};
  if (!same()) other = converted(document, kind(), kind_.behavior->conversion->to_stored);
  if (!other) return other.error();
  write.value = schema::encode_json(*kind().message, same() ? document : *other, &write.revision_at);
  return {};
}

}  // namespace gantry::apiserver
