// Kubernetes' strategic merge patch: directives, merge keys and element order over a schema tree.
// Called by the API server's PATCH handlers; pure functions, any thread. Keys that the tree does not know are merged
// as plain JSON, so that the decoder after it is what complains about them.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/schema/arena.hpp"
#include "core/schema/patch.hpp"

namespace gantry::schema {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;

constexpr std::string_view kDirective = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kOrderPrefix = "$setElementOrder/";
constexpr std::string_view kDeletePrefix = "$deleteFromPrimitiveList/";
constexpr size_t kNowhere = static_cast<size_t>(-1);

std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

// What the tree says about one key: how its value merges and what is inside.
struct Meta {
  const Message* message = nullptr;  // of the value or its elements; null: plain JSON
  bool map = false;                  // map<string, message>
  bool replace = false;
  bool merge = false;
  std::string merge_key;
};

bool has_strategy(std::string_view strategies, std::string_view name) {
  for (size_t at = 0; at <= strategies.size();) {
    size_t comma = std::min(strategies.find(',', at), strategies.size());
    if (strategies.substr(at, comma - at) == name) return true;
    at = comma + 1;
  }
  return false;
}

// The schema of one JSON object: a message, or a map whose values are all of one message.
struct Scope {
  const Message* message = nullptr;
  bool map = false;

  Meta lookup(std::string_view key) const {
    Meta meta;
    if (message == nullptr) return meta;
    if (map) {
      meta.message = message;
      return meta;
    }
    const Field* field = message->find(key);
    if (field == nullptr) return meta;
    meta.message = field->message;
    meta.map = field->map;
    meta.replace = has_strategy(field->patch_strategy, "replace");
    meta.merge = has_strategy(field->patch_strategy, "merge");
    meta.merge_key = field->patch_merge_key;
    return meta;
  }
};

// Errors that upstream has no HTTP answer for reach the client as a bare 500.
Status bare_error(std::string message) { return {500, "", std::move(message)}; }

std::string shown(const Json& value) { return boost::json::serialize(value); }

Status no_merge_key(const Json& map, const std::string& key) {
  return bare_error("map: " + shown(map) + " does not contain declared merge key: " + key);
}

void erase(Object& object, std::string_view key) {
  auto it = object.find(boost::json::string_view(key.data(), key.size()));
  if (it != object.end()) object.stable_erase(it);
}

const Json* member(const Object& object, std::string_view key) {
  return object.if_contains(boost::json::string_view(key.data(), key.size()));
}

// Leaves out of a value that is taken whole what only has a meaning for merging.
void discard(Json& value) {
  if (Array* array = value.if_array()) {
    for (size_t i = 0; i < array->size();) {
      Json& item = (*array)[i];
      if (item.is_object() && item.get_object().contains("$patch")) {
        array->erase(array->begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
      discard(item);
      ++i;
    }
    return;
  }
  Object* object = value.if_object();
  if (object == nullptr) return;
  for (size_t i = 0; i < object->size();) {
    auto it = object->begin() + static_cast<std::ptrdiff_t>(i);
    std::string_view key = view(it->key());
    bool directive =
        key == kDirective || key == kRetainKeys || key.starts_with(kOrderPrefix) || key.starts_with(kDeletePrefix);
    if (directive || it->value().is_null()) {
      object->stable_erase(it);
      continue;
    }
    discard(it->value());
    ++i;
  }
}

// Identity of a list element: its merge key's value, or the element itself in a primitive list.
bool identity(const Json& element, const std::string& merge_key, std::string& out) {
  if (merge_key.empty()) {
    out = shown(element);
    return true;
  }
  const Object* object = element.if_object();
  const Json* value = object == nullptr ? nullptr : member(*object, merge_key);
  if (value == nullptr) return false;
  out = shown(*value);
  return true;
}

using Positions = std::unordered_map<std::string, size_t>;

Positions positions_of(const Array& list, const std::string& merge_key) {
  Positions positions;
  std::string id;
  for (size_t i = 0; i < list.size(); ++i) {
    if (identity(list[i], merge_key, id)) positions.emplace(id, i);
  }
  return positions;
}

struct Placed {
  Json* value = nullptr;
  size_t patch_at = kNowhere;   // place in the list that orders the patch's elements
  size_t server_at = kNowhere;  // place in the server's list before the patch
};

// The order of a merged list: elements the patch names in the patch's order, others in the server's order, and
// of the two streams the server's element goes first where the server had it first.
Array in_order(Array merged, const Array& patch_order, const Positions& server, const std::string& key) {
  Positions patch = positions_of(patch_order, key);
  std::vector<Placed> named;
  std::vector<Placed> others;
  std::string id;
  for (Json& element : merged) {
    Placed placed;
    if (identity(element, key, id)) {
      if (auto it = patch.find(id); it != patch.end()) placed.patch_at = it->second;
      if (auto it = server.find(id); it != server.end()) placed.server_at = it->second;
    }
    placed.value = &element;
    (placed.patch_at == kNowhere ? others : named).push_back(std::move(placed));
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

Status merge_map(Json& original, Object& patch, Scope scope);

Status remove_matching(Array& original, const std::string& key, const Json& element) {
  std::string id;
  if (!identity(element, key, id)) return no_merge_key(element, key);
  std::string other;
  for (size_t i = original.size(); i-- > 0;) {
    if (!identity(original[i], key, other)) return no_merge_key(original[i], key);
    if (other == id) original.erase(original.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return {};
}

// Elements with $patch: carries out deletions, notes a replacement, and leaves the ordinary elements in `patch`.
Status special_elements(Array& original, Array& patch, const std::string& key, bool& replace) {
  Array plain(patch.storage());
  for (Json& element : patch) {
    Object& object = element.get_object();
    const Json* directive = object.if_contains("$patch");
    if (directive == nullptr) {
      plain.push_back(std::move(element));
    } else if (*directive == "delete") {
      if (Status status = remove_matching(original, key, element); !status.ok()) return status;
    } else if (*directive == "replace") {
      replace = true;
    } else if (*directive == "merge") {
      erase(object, kDirective);
      plain.push_back(std::move(element));
    } else {
      return bare_error("unknown patch type: " + shown(*directive) + " in map: " + shown(element));
    }
  }
  patch = std::move(plain);
  return {};
}

Status merge_elements(Array& merged, Array& patch, const Meta& meta) {
  Positions places = positions_of(merged, meta.merge_key);
  std::string id;
  for (Json& element : patch) {
    if (!identity(element, meta.merge_key, id)) return no_merge_key(element, meta.merge_key);
    auto it = places.find(id);
    if (it != places.end()) {
      Object copy = element.get_object();
      Status status = merge_map(merged[it->second], copy, Scope{meta.message});
      if (!status.ok()) return status;
      continue;
    }
    places.emplace(id, merged.size());
    Json value = element;
    discard(value);
    merged.push_back(std::move(value));
  }
  return {};
}

Status merge_primitives(Array& original, const Array& patch, bool deletes) {
  Positions named = positions_of(patch, "");
  Array out(original.storage());
  std::unordered_map<std::string, bool> seen;
  auto take = [&](const Json& value) {
    std::string id = shown(value);
    if (deletes ? named.count(id) == 0 : seen.emplace(id, true).second) out.push_back(value);
  };
  for (const Json& value : original) take(value);
  if (!deletes) {
    for (const Json& value : patch) take(value);
  }
  original = std::move(out);
  return {};
}

Status merge_list(Array& original, Array& patch, const Meta& meta, bool deletes) {
  if (original.empty() && patch.empty()) return {};
  bool maps = false;
  bool scalars = false;
  for (const Array* list : {&original, &patch}) {
    for (const Json& element : *list) {
      if (element.is_array()) {
        return Status::invalid("the server rejected our request due to an error in our request").with_details({});
      }
      (element.is_object() ? maps : scalars) = true;
    }
  }
  if (maps && scalars) return bare_error("list element types are not identical");
  if (!maps) {
    Positions server = positions_of(original, "");
    if (Status status = merge_primitives(original, patch, deletes); !status.ok()) return status;
    if (!deletes) original = in_order(std::move(original), patch, server, "");
    return {};
  }
  if (meta.merge_key.empty()) {
    return bare_error("cannot merge lists without merge key for " +
                      (meta.message == nullptr ? std::string() : meta.message->name));
  }
  bool replace = false;
  Status status = special_elements(original, patch, meta.merge_key, replace);
  if (!status.ok()) return status;
  if (replace) {
    for (Json& element : patch) discard(element);
    original = std::move(patch);
    return {};
  }
  Positions server = positions_of(original, meta.merge_key);
  status = merge_elements(original, patch, meta);
  if (!status.ok()) return status;
  original = in_order(std::move(original), patch, server, meta.merge_key);
  return {};
}

// A list both sides have: merged or replaced, as its strategy says.
Status merge_or_replace(Json& original, Array& patch, const Meta& meta, bool deletes) {
  if (meta.merge || deletes) return merge_list(original.get_array(), patch, meta, deletes);
  Json value(std::move(patch));
  discard(value);
  original = std::move(value);
  return {};
}

Status retain_keys(Object& original, Object& patch) {
  const Json* found = member(patch, kRetainKeys);
  if (found == nullptr) return {};
  if (!found->is_array()) return Status::bad_request("invalid patch format of retainKeys");
  std::vector<std::string> keys;
  for (const Json& key : found->get_array()) {
    if (!key.is_string()) return Status::bad_request("invalid patch format of retainKeys");
    keys.emplace_back(view(key.get_string()));
  }
  std::sort(keys.begin(), keys.end());
  auto kept = [&](std::string_view key) { return std::binary_search(keys.begin(), keys.end(), key); };
  erase(patch, kRetainKeys);
  for (const auto& [key, value] : patch) {
    std::string_view name = view(key);
    if (value.is_null() || name.starts_with(kOrderPrefix) || name.starts_with(kDeletePrefix)) {
      continue;
    }
    if (!kept(name)) return Status::bad_request("invalid patch format of retainKeys");
  }
  for (size_t i = 0; i < original.size();) {
    auto it = original.begin() + static_cast<std::ptrdiff_t>(i);
    if (kept(view(it->key()))) {
      ++i;
    } else {
      original.stable_erase(it);
    }
  }
  return {};
}

// The patch's elements must stand in the order the order list gives.
Status check_order(const Array& patch, const Array& order, const std::string& merge_key) {
  Positions places = positions_of(order, merge_key);
  size_t last = 0;
  std::string id;
  for (const Json& element : patch) {
    if (element.is_object() && element.get_object().contains("$patch")) continue;
    if (!identity(element, merge_key, id)) return no_merge_key(element, merge_key);
    auto it = places.find(id);
    if (it == places.end() || it->second < last) {
      return bare_error("The order in patch list:\n" + shown(patch) + "\n doesn't match " + "$setElementOrder list:\n" +
                        shown(order) + "\n");
    }
    last = it->second;
  }
  return {};
}

Status merge_ordered(Object& original, Object& patch, const Json& order, std::string_view key, Scope scope) {
  if (!order.is_array()) {
    return Status::bad_request("invalid patch format of setElementOrder list");
  }
  Json* mine = original.if_contains(boost::json::string_view(key.data(), key.size()));
  Json* theirs = patch.if_contains(boost::json::string_view(key.data(), key.size()));
  if (theirs != nullptr && theirs->is_null()) return {};  // the list is removed by the main pass
  if (mine != nullptr && mine->is_null()) mine = nullptr;
  if ((mine != nullptr && !mine->is_array()) || (theirs != nullptr && !theirs->is_array())) {
    return Status::bad_request("invalid patch format of setElementOrder list");
  }
  Meta meta = scope.lookup(key);
  Array merged(original.storage());
  Positions server;
  if (mine != nullptr) server = positions_of(mine->get_array(), meta.merge_key);
  if (theirs != nullptr) {
    Status status = check_order(theirs->get_array(), order.get_array(), meta.merge_key);
    if (!status.ok()) return status;
  }
  if (mine == nullptr && theirs == nullptr) return {};
  if (mine == nullptr) {
    discard(*theirs);
    merged = std::move(theirs->get_array());
  } else {
    if (theirs != nullptr) {
      Status status = merge_or_replace(*mine, theirs->get_array(), meta, false);
      if (!status.ok()) return status;
    }
    merged = std::move(mine->get_array());
  }
  original[boost::json::string_view(key.data(), key.size())] =
      in_order(std::move(merged), order.get_array(), server, meta.merge_key);
  erase(patch, key);
  return {};
}

Status apply_orders(Object& original, Object& patch, Scope scope) {
  std::vector<std::pair<std::string, Json>> orders;
  for (auto& [key, value] : patch) {
    if (view(key).starts_with(kOrderPrefix)) orders.emplace_back(view(key), std::move(value));
  }
  for (auto& [key, order] : orders) {
    erase(patch, key);
    std::string_view list = std::string_view(key).substr(kOrderPrefix.size());
    if (Status status = merge_ordered(original, patch, order, list, scope); !status.ok()) {
      return status;
    }
  }
  return {};
}

Status merge_key_value(Object& original, std::string_view key, Json& value, Scope scope) {
  bool deletes = key.starts_with(kDeletePrefix);
  if (deletes) key.remove_prefix(kDeletePrefix.size());
  if (value.is_null()) {
    erase(original, key);
    return {};
  }
  boost::json::string_view name(key.data(), key.size());
  Json* mine = original.if_contains(name);
  bool both_maps = mine != nullptr && mine->is_object() && value.is_object();
  bool both_lists = mine != nullptr && mine->is_array() && value.is_array();
  if (deletes && !both_lists) {
    if (!value.is_array()) return Status::bad_request("invalid patch format of primitive list");
    return {};
  }
  if (!both_maps && !both_lists) {
    discard(value);
    original[name] = std::move(value);
    return {};
  }
  Meta meta = scope.lookup(key);
  if (both_lists) return merge_or_replace(*mine, value.get_array(), meta, deletes);
  if (meta.replace) {
    discard(value);
    *mine = std::move(value);
    return {};
  }
  return merge_map(*mine, value.get_object(), Scope{meta.message, meta.map});
}

Status merge_map(Json& original, Object& patch, Scope scope) {
  if (Json* directive = patch.if_contains("$patch")) {
    Json type = std::move(*directive);
    erase(patch, kDirective);
    if (type == "replace") {
      Json value(std::move(patch));
      discard(value);
      original = std::move(value);
      return {};
    }
    if (type == "delete") {
      original = Object();
      return {};
    }
    if (type != "merge") {
      return bare_error("unknown patch type: " + shown(type) + " in map: " + shown(patch));
    }
  }
  if (!original.is_object()) original = Object();
  Object& object = original.get_object();
  if (Status status = retain_keys(object, patch); !status.ok()) return status;
  if (Status status = apply_orders(object, patch, scope); !status.ok()) return status;
  // Ordinary keys first: a deletion list applies to what the patch has merged.
  for (bool deletions : {false, true}) {
    for (auto& [key, value] : patch) {
      if (view(key).starts_with(kDeletePrefix) != deletions) continue;
      if (Status status = merge_key_value(object, view(key), value, scope); !status.ok()) {
        return status;
      }
    }
  }
  return {};
}

}  // namespace

Expected<Json> strategic_merge_patch(const Message& message, const Json& document, const Json& patch) {
  if (patch.is_null()) return document;
  if (!patch.is_object()) return Status::bad_request("invalid JSON document");
  Json result = copy_of(document);
  Object copy = patch.get_object();
  if (Status status = merge_map(result, copy, Scope{&message}); !status.ok()) return status;
  return result;
}

}  // namespace gantry::schema
