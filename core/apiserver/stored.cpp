// Kinds that share the objects of another kind. Pure, any thread.
#include "core/apiserver/stored.hpp"

#include "core/apiserver/forms.hpp"
#include "core/schema/codec.hpp"

namespace gantry::apiserver {
namespace {

const schema::Kind& stored_kind(const schema::Schema& schema, const schema::Kind& kind, const schema::Shared* shared) {
  if (shared == nullptr) return kind;
  const auto* found = schema.find_resource(shared->group, shared->version, shared->plural);
  return found == nullptr ? kind : *found;
}

Expected<Json> converted(Json document, const schema::Kind& kind, void (*convert)(JsonObject&)) {
  auto& object = document.as_object();
  object["apiVersion"] = kind.api_version();
  object["kind"] = kind.kind;
  convert(object);
  return schema::canonicalize(*kind.message, std::move(document));
}

}  // namespace

StoredAs::StoredAs(const schema::Schema& schema, const schema::Kind& kind)
    : kind_(kind), shared_(kind.behavior->shared), stored_(stored_kind(schema, kind, shared_)) {}

store::EntryPtr StoredAs::seen(store::EntryPtr entry) const {
  if (same()) return entry;
  auto document = converted(parse_entry(*entry), kind_, shared_->seen);
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
  if (!same()) other = converted(document, stored_, shared_->stored);
  if (!other) return other.error();
  write.value = schema::encode_json(*stored_.message, same() ? document : *other, &write.revision_at);
  return {};
}

}  // namespace gantry::apiserver
