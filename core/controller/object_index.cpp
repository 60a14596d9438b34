#include "core/controller/object_index.hpp"

#include "core/controller/informer.hpp"
#include "core/schema/codec/wire.hpp"

namespace gantry::controller {

namespace wire = schema::wire;

std::string_view find_field(std::string_view message, const std::vector<uint32_t>& path) {
  for (const uint32_t number : path) {
    wire::Reader reader(message);
    std::string_view found;
    for (wire::Entry entry; reader.next(entry);) {
      if (entry.number == number && entry.type == wire::Type::kBytes) found = entry.bytes;
    }
    message = found;
  }
  return message;
}

ObjectIndex::ByName::Place ObjectIndex::ByName::place(const CachedPtr& object) { return {object->ns, object->name}; }

void ObjectIndex::add(const CachedPtr& object) {
  values_(*object, [&](const std::string& value) { objects_[value].insert(object); });
}

void ObjectIndex::remove(const CachedPtr& object) {
  values_(*object, [&](const std::string& value) {
    const auto it = objects_.find(value);
    if (it == objects_.end()) return;
    it->second.erase(object);
    if (it->second.empty()) objects_.erase(it);
  });
}

std::vector<CachedPtr> ObjectIndex::find(std::string_view value, std::string_view ns) const {
  std::vector<CachedPtr> found;
  const auto it = objects_.find(std::string(value));
  if (it == objects_.end()) return found;
  const auto& objects = it->second;
  auto at = ns.empty() ? objects.begin() : objects.lower_bound(ByName::Place{ns, {}});
  for (; at != objects.end() && (ns.empty() || (*at)->ns == ns); ++at) found.push_back(*at);
  return found;
}

}  // namespace gantry::controller
