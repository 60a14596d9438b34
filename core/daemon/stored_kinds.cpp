#include "core/daemon/stored_kinds.hpp"

#include <algorithm>

#include "core/schema/codec/codec.hpp"

namespace gantry::daemon {

PluginKinds::Objects stored_objects(const store::Store& store, const std::string& group, const std::string& plural) {
  const auto folder = "/" + group + "/" + plural + "/";
  const auto first = store.list(folder, 0, {}, 1);
  if (!first || first->entries.empty()) return {};
  const auto& entry = *first->entries.front();
  PluginKinds::Objects objects;
  objects.count = 1 + first->remaining;
  objects.namespaced = entry.key.size() > folder.size() && entry.key[folder.size()] != '/';
  const auto document = schema::parse_json(entry.value);
  const auto* object = document ? document->if_object() : nullptr;
  const auto text = [object](const char* field) {
    const auto* value = object == nullptr ? nullptr : object->if_contains(field);
    return value == nullptr || !value->is_string() ? std::string() : std::string(value->as_string());
  };
  objects.kind = text("kind");
  objects.version = text("apiVersion");
  objects.version.erase(0, objects.version.find('/') + 1);
  return objects;
}

std::vector<UnservedResource> unserved_resources(const store::Store& store, const schema::Schema& schema) {
  std::vector<UnservedResource> found;
  const auto& kinds = schema.kinds();
  std::string after;
  for (;;) {
    const auto next = store.list("/", 0, after, 1);
    if (!next || next->entries.empty()) return found;
    const auto& key = next->entries.front()->key;  // "/group/plural/namespace/name"
    const auto group_end = key.find('/', 1), plural_end = key.find('/', group_end + 1);
    if (plural_end == std::string::npos) return found;
    const auto group = key.substr(1, group_end - 1), plural = key.substr(group_end + 1, plural_end - group_end - 1);
    const bool served = std::any_of(kinds.begin(), kinds.end(), [&](const schema::Kind* kind) {
      return kind->group == group && kind->plural == plural;
    });
    if (!served) found.push_back({group, plural, stored_objects(store, group, plural).count});
    after = key.substr(0, plural_end + 1) + "\xff";
  }
}

}  // namespace gantry::daemon
