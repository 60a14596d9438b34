#include "core/admission/classes.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

#include "core/schema/values/json_access.hpp"

namespace gantry::admission {
namespace {

using Class = std::optional<boost::json::object>;

Class parsed_class(const store::Entry& entry) {
  boost::system::error_code failed;
  auto document = boost::json::parse(entry.value, failed);
  if (failed || !document.is_object()) return std::nullopt;
  return std::move(document.get_object());
}

std::string_view created(const boost::json::object& object) {
  return schema::get_text(schema::object_at(object, "metadata"), "creationTimestamp");
}

// With the newest in front: the store counts creations, so that older ones need not be read.
std::vector<store::EntryPtr> marked_classes(const WriteRequest& request, const schema::Kind& kind) {
  auto entries = request.objects->marked(kind);
  std::sort(entries.begin(), entries.end(),
            [](const store::EntryPtr& a, const store::EntryPtr& b) { return a->create_revision > b->create_revision; });
  return entries;
}

Class default_class(const schema::Kind& kind, const store::Entry& entry) {
  auto found = parsed_class(entry);
  const auto is_default = kind.behavior->is_default;
  return found && is_default != nullptr && is_default(*found) ? std::move(found) : std::nullopt;
}

}  // namespace

Class find_class(const WriteRequest& request, std::string_view group, std::string_view plural, std::string_view name) {
  const auto* kind = request.schema->find_resource(group, "v1", plural);
  const auto entry = kind == nullptr ? nullptr : request.objects->get(*kind, "", name);
  return entry == nullptr ? std::nullopt : parsed_class(*entry);
}

std::vector<boost::json::object> default_classes(const WriteRequest& request, std::string_view group,
                                                 std::string_view plural) {
  std::vector<boost::json::object> out;
  const auto* kind = request.schema->find_resource(group, "v1", plural);
  if (kind == nullptr) return out;
  for (const auto& entry : request.objects->marked(*kind)) {
    if (auto found = default_class(*kind, *entry)) out.push_back(std::move(*found));
  }
  return out;
}

Class newest_default_class(const WriteRequest& request, std::string_view group, std::string_view plural) {
  const auto* kind = request.schema->find_resource(group, "v1", plural);
  if (kind == nullptr) return std::nullopt;
  Class newest;
  for (const auto& entry : marked_classes(request, *kind)) {
    auto next = default_class(*kind, *entry);
    if (!next) continue;
    if (newest && created(*next) < created(*newest)) break;
    if (!newest || created(*next) > created(*newest) || name_of(*next) < name_of(*newest)) newest = std::move(next);
  }
  return newest;
}

std::string_view name_of(const boost::json::object& object) {
  return schema::get_text(schema::object_at(object, "metadata"), "name");
}

}  // namespace gantry::admission
