#include "core/apiserver/verbs/parts.hpp"

#include <algorithm>

#include "core/apiserver/request/forms.hpp"

namespace gantry::apiserver {
namespace {

store::EntryPtr made_of_part(const schema::Kind& kind, const ReadinessCheck& part) {
  std::string trouble;
  if (part.passes && !part.passes()) {
    trouble = part.why ? part.why() : "";
    if (trouble.empty()) trouble = "it does not work";
  }
  Json document = JsonObject{
      {"kind", kind.kind}, {"apiVersion", kind.api_version()}, {"metadata", JsonObject{{"name", part.name}}}};
  kind.behavior->describe_part(document.as_object(), trouble);
  auto entry = std::make_shared<store::Entry>();
  entry->key = key_of(kind, {}, part.name);
  entry->value = schema::encode_json(*kind.message, document);
  return entry;
}

}  // namespace

bool is_of_parts(const schema::Kind& kind) { return kind.behavior->describe_part != nullptr; }

store::EntryPtr find_part(const Call& call, std::string_view name) {
  for (const auto& part : call.env->options.parts) {
    if (part.name == name) return made_of_part(call.kind(), part);
  }
  return nullptr;
}

ListPage list_parts(const Call& call, const Selection& selection) {
  ListPage page;
  page.revision = call.env->store.revision();
  for (const auto& part : call.env->options.parts) {
    auto entry = made_of_part(call.kind(), part);
    if (selection.matches(call.kind(), *entry)) page.entries.push_back(std::move(entry));
  }
  std::sort(page.entries.begin(), page.entries.end(),
            [](const store::EntryPtr& a, const store::EntryPtr& b) { return a->key < b->key; });
  return page;
}

}  // namespace gantry::apiserver
