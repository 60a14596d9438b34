// Owns the lists of strategic merge patches. Called by patch_strategic.cpp; pure, any thread.
#include "core/schema/patch/strategic_lists.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/serializer.hpp>
#include <utility>
#include <vector>

#include "core/schema/patch/json_edit.hpp"
#include "core/schema/values/counted.hpp"

namespace gantry::schema::strategic {
namespace {

struct Placed {
  Json* value = nullptr;
  size_t patch_at = kNowhere;   // place in the list that orders the patch's elements
  size_t server_at = kNowhere;  // place in the server's list before the patch
};

bool is_directive(std::string_view key) {
  return key == kDirective || key == kRetainKeys || key.starts_with(kOrderPrefix) || key.starts_with(kDeletePrefix);
}

}  // namespace

Status bare_error(std::string message) { return {500, "", std::move(message)}; }

std::string shown(const Json& value) {
  constexpr size_t kLongest = 512;
  std::string out(kLongest, '\0');
  boost::json::serializer serializer;
  serializer.reset(&value);
  out.resize(serializer.read(out.data(), out.size()).size());
  return serializer.done() ? out : out + "...";
}

Status no_merge_key(const Json& map, const std::string& key) {
  return bare_error("map: " + shown(map) + " does not contain declared merge key: " + key);
}

bool identity(const Json& element, const std::string& merge_key, std::string& out) {
  if (merge_key.empty()) {
    out = boost::json::serialize(element);
    return true;
  }
  const Object* object = element.if_object();
  const Json* value = object == nullptr ? nullptr : object->if_contains(merge_key);
  if (value == nullptr) return false;
  out = boost::json::serialize(*value);
  return true;
}

Positions::Positions(const std::shared_ptr<limits::Account>& account, const Array& list, const std::string& merge_key)
    : charge_(account) {
  std::string id;
  for (size_t i = 0; i < list.size(); ++i) {
    if (identity(list[i], merge_key, id)) add(id, i);
  }
}

bool Positions::add(const std::string& id, size_t place) {
  constexpr size_t kNode = 96;
  const bool fresh = places_.emplace(id, place).second;
  if (fresh) bytes_ += kNode + id.size();
  if (bytes_ > charge_.bytes() && !charge_.resize(2 * bytes_)) refuse(*charge_.account(), 2 * bytes_);
  return fresh;
}

size_t Positions::find(const std::string& id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? kNowhere : found->second;
}

Array in_order(Array merged, const Positions& patch, const Positions& server, const std::string& merge_key) {
  std::vector<Placed> named;
  std::vector<Placed> others;
  std::string id;
  for (Json& element : merged) {
    Placed placed{&element};
    if (identity(element, merge_key, id)) {
      placed.patch_at = patch.find(id);
      placed.server_at = server.find(id);
    }
    (placed.patch_at == kNowhere ? others : named).push_back(placed);
  }
  auto by_patch = [](const Placed& a, const Placed& b) { return a.patch_at < b.patch_at; };
  auto by_server = [](const Placed& a, const Placed& b) { return a.server_at < b.server_at; };
  std::stable_sort(named.begin(), named.end(), by_patch);
  std::stable_sort(others.begin(), others.end(), by_server);
  Array out(merged.storage());
  out.reserve(named.size() + others.size());
  auto n = named.begin();
  auto o = others.begin();
  while (n != named.end() || o != others.end()) {
    bool other_first = n == named.end();
    if (!other_first && o != others.end()) {
      other_first = o->server_at != kNowhere && n->server_at != kNowhere && o->server_at < n->server_at;
    }
    out.push_back(std::move(*(other_first ? o++ : n++)->value));
  }
  return out;
}

void discard(Json& value) {
  if (Array* array = value.if_array()) {
    drop_elements(*array, [](const Json& item) { return item.is_object() && item.get_object().contains(kDirective); });
    for (Json& item : *array) discard(item);
    return;
  }
  Object* object = value.if_object();
  if (object == nullptr) return;
  std::vector<size_t> gone;
  size_t at = 0;
  for (auto& [key, item] : *object) {
    if (is_directive(view(key)) || item.is_null()) {
      gone.push_back(at);
    } else {
      discard(item);
    }
    ++at;
  }
  drop_members(*object, std::move(gone));
}

}  // namespace gantry::schema::strategic
