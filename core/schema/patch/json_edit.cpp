// Owns what patches do to many parts of a document at once. Called by the patches and the codecs; pure, any thread.
#include "core/schema/patch/json_edit.hpp"

#include <algorithm>
#include <utility>

namespace gantry::schema {

void drop_members(boost::json::object& object, std::vector<size_t> positions) {
  // Erasing moves all that comes after, which is cheaper than a new object as long as it is done seldom.
  constexpr size_t kFew = 4;
  std::sort(positions.begin(), positions.end());
  if (positions.size() <= kFew) {
    for (size_t i = positions.size(); i-- > 0;) {
      object.stable_erase(object.begin() + static_cast<std::ptrdiff_t>(positions[i]));
    }
    return;
  }
  boost::json::object kept(object.storage());
  kept.reserve(object.size() - positions.size());
  auto next = positions.begin();
  size_t at = 0;
  for (auto& member : object) {
    if (next != positions.end() && *next == at++) {
      ++next;
    } else {
      kept.emplace(member.key(), std::move(member.value()));
    }
  }
  object = std::move(kept);
}

size_t depth_of(const Json& value, size_t most, size_t& visited) {
  ++visited;
  const auto* object = value.if_object();
  const auto* array = value.if_array();
  if (object == nullptr && array == nullptr) return 0;
  size_t below = 0;
  if (most > 0) {
    const auto look = [&](const Json& item) { below = std::max(below, depth_of(item, most - 1, visited)); };
    if (object != nullptr) {
      for (const auto& member : *object) look(member.value());
    } else {
      for (const Json& item : *array) look(item);
    }
  }
  return below + 1;
}

bool deeper_than(const Json& value, size_t most) {
  size_t visited = 0;
  return depth_of(value, most, visited) > most;
}

}  // namespace gantry::schema
