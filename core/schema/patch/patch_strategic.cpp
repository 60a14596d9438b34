// Kubernetes' strategic merge patch: directives, merge keys and element order over a schema tree.
// Called by the API server's PATCH handlers; pure functions, any thread. Keys that the tree does not know are merged
// as plain JSON, so that the decoder after it is what complains about them.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/schema/patch/json_edit.hpp"
#include "core/schema/patch/patch.hpp"
#include "core/schema/patch/patch_words.hpp"
#include "core/schema/patch/strategic_lists.hpp"
#include "core/schema/patch/strategic_scope.hpp"
#include "core/schema/values/arena.hpp"
#include "core/schema/values/counted.hpp"

namespace gantry::schema::strategic {
namespace {

// Positions of members that go, to be dropped at once: removing them one by one would move the rest each time.
class Gone {
 public:
  void note(const Object& object, std::string_view key) {
    const auto it = object.find(key);
    if (it != object.end()) positions_.push_back(static_cast<size_t>(it - object.begin()));
  }
  void note(size_t position) { positions_.push_back(position); }
  bool empty() const { return positions_.empty(); }
  void drop_from(Object& object) { drop_members(object, std::exchange(positions_, {})); }

 private:
  std::vector<size_t> positions_;
};

void erase(Object& object, std::string_view key) {
  auto it = object.find(key);
  if (it != object.end()) object.stable_erase(it);
}

// The patch's elements must stand in the order the order list gives.
Status check_order(const Array& patch, const Array& order, const Positions& places, const std::string& merge_key) {
  size_t last = 0;
  std::string id;
  for (const Json& element : patch) {
    if (element.is_object() && element.get_object().contains(kDirective)) continue;
    if (!identity(element, merge_key, id)) return no_merge_key(element, merge_key);
    const size_t place = places.find(id);
    if (place == kNowhere || place < last) {
      return bare_error("The order in patch list:\n" + shown(Json(patch)) + "\n doesn't match " +
                        "$setElementOrder list:\n" + shown(Json(order)) + "\n");
    }
    last = place;
  }
  return {};
}

// Notes what of `original` is not among the keys to retain.
Status retain_keys(const Object& original, Object& patch, Gone& gone) {
  const Json* found = patch.if_contains(kRetainKeys);
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
  size_t at = 0;
  for (const auto& member : original) {
    if (!kept(view(member.key()))) gone.note(at);
    ++at;
  }
  return {};
}

// What a patch may look at and build anew, in elements and members: much for each value that it and the document have,
// since it can name one element, and so a list or map in it, as often as it is long.
constexpr size_t kLeastWork = 500'000;
constexpr size_t kWorkAValue = 8;
constexpr size_t kBytesAStep = 64;

// One patch at work. Document and patch lie in one arena, so that what the patch brings moves without a copy.
class Merger {
 public:
  Merger(const std::shared_ptr<limits::Account>& account, size_t values)
      : account_(account), most_work_(kLeastWork + kWorkAValue * values) {}

  Status map(Json& original, Object& patch, Scope scope) {
    bool done = false;
    if (Status status = directive(original, patch, done); !status.ok() || done) return status;
    if (!original.is_object()) original = Object(original.storage());
    Object& object = original.get_object();
    if (patch.contains(kRetainKeys)) {
      Gone gone;
      if (Status status = retain_keys(object, patch, gone); !status.ok()) return status;
      if (Status status = drop(object, gone); !status.ok()) return status;
    }
    if (Status status = orders(object, patch, scope); !status.ok()) return status;
    // Ordinary keys first: a deletion list applies to what the patch has merged.
    for (bool deletions : {false, true}) {
      Gone gone;
      for (auto& [key, value] : patch) {
        if (view(key).starts_with(kDeletePrefix) != deletions) continue;
        if (Status status = member(object, view(key), value, gone, scope); !status.ok()) return status;
      }
      if (Status status = gone.empty() ? Status() : drop(object, gone); !status.ok()) return status;
    }
    return {};
  }

 private:
  Status spend(size_t steps) {
    work_ += steps;
    if (work_ <= most_work_) return {};
    return Status::too_large("the elements of a strategic merge patch may look at " + std::to_string(most_work_) +
                             " others of this object at most, each time they name a list or map");
  }

  Status drop(Object& object, Gone& gone) {
    size_t steps = object.size();
    for (const auto& member : object) steps += member.key().size() / kBytesAStep;
    gone.drop_from(object);
    return spend(steps);
  }

  // $patch of a map: may replace or empty it, which is all then.
  static Status directive(Json& original, Object& patch, bool& done) {
    Json* found = patch.if_contains(kDirective);
    if (found == nullptr) return {};
    Json type = std::move(*found);
    erase(patch, kDirective);
    done = true;
    if (type == "replace") {
      Json value(std::move(patch));
      discard(value);
      original = std::move(value);
      return {};
    }
    if (type == "delete") {
      original = Object(original.storage());
      return {};
    }
    done = false;
    if (type == "merge") return {};
    return bare_error("unknown patch type: " + shown(type) + " in map: " + shown(Json(std::move(patch))));
  }

  Status member(Object& original, std::string_view key, Json& value, Gone& gone, Scope scope) {
    const bool deletes = key.starts_with(kDeletePrefix);
    if (deletes) key.remove_prefix(kDeletePrefix.size());
    if (value.is_null()) {
      gone.note(original, key);
      return {};
    }
    Json* mine = original.if_contains(key);
    const bool both_maps = mine != nullptr && mine->is_object() && value.is_object();
    const bool both_lists = mine != nullptr && mine->is_array() && value.is_array();
    if (deletes && !both_lists) {
      return value.is_array() ? Status() : Status::bad_request("invalid patch format of primitive list");
    }
    if (!both_maps && !both_lists) {
      discard(value);
      original[key] = std::move(value);
      return {};
    }
    const Meta meta = scope.lookup(key);
    if (both_lists) return merge_or_replace(*mine, value.get_array(), meta, deletes);
    if (!meta.replace) return map(*mine, value.get_object(), Scope{meta.message, meta.map});
    discard(value);
    *mine = std::move(value);
    return {};
  }

  Status orders(Object& original, Object& patch, Scope scope) {
    std::vector<std::pair<std::string, Json>> orders;
    Gone gone;
    size_t at = 0;
    for (auto& [key, value] : patch) {
      if (view(key).starts_with(kOrderPrefix)) {
        orders.emplace_back(view(key), std::move(value));
        gone.note(at);
      }
      ++at;
    }
    if (orders.empty()) return {};
    gone.drop_from(patch);
    for (auto& [key, order] : orders) {
      std::string_view list = std::string_view(key).substr(kOrderPrefix.size());
      if (Status status = ordered(original, patch, order, list, gone, scope); !status.ok()) return status;
    }
    gone.drop_from(patch);
    return {};
  }

  // A list with an order of its own; what the patch has of it is done then, and gone.
  Status ordered(Object& original, Object& patch, const Json& order, std::string_view key, Gone& gone, Scope scope) {
    if (!order.is_array()) return Status::bad_request("invalid patch format of setElementOrder list");
    Json* mine = original.if_contains(key);
    Json* theirs = patch.if_contains(key);
    if (theirs != nullptr && theirs->is_null()) return {};  // the list is removed by the main pass
    if (mine != nullptr && mine->is_null()) mine = nullptr;
    if ((mine != nullptr && !mine->is_array()) || (theirs != nullptr && !theirs->is_array())) {
      return Status::bad_request("invalid patch format of setElementOrder list");
    }
    const Meta meta = scope.lookup(key);
    const Positions places(account_, order.get_array(), meta.merge_key);
    if (theirs != nullptr) {
      Status status = check_order(theirs->get_array(), order.get_array(), places, meta.merge_key);
      if (!status.ok()) return status;
    }
    if (mine == nullptr && theirs == nullptr) return {};
    Array merged(original.storage());
    Positions server(account_);
    if (mine == nullptr) {
      discard(*theirs);
      merged = std::move(theirs->get_array());
    } else {
      server = Positions(account_, mine->get_array(), meta.merge_key);
      if (theirs != nullptr) {
        Status status = merge_or_replace(*mine, theirs->get_array(), meta, false);
        if (!status.ok()) return status;
      }
      merged = std::move(mine->get_array());
    }
    const size_t steps = merged.size() + (places.bytes() + server.bytes()) / kBytesAStep;
    original[key] = in_order(std::move(merged), places, server, meta.merge_key);
    gone.note(patch, key);
    return spend(steps);
  }

  // A list both sides have: merged or replaced, as its strategy says.
  Status merge_or_replace(Json& original, Array& patch, const Meta& meta, bool deletes) {
    if (meta.merge || deletes) return list(original.get_array(), patch, meta, deletes);
    Json value(std::move(patch));
    discard(value);
    original = std::move(value);
    return {};
  }

  Status list(Array& original, Array& patch, const Meta& meta, bool deletes) {
    if (original.empty() && patch.empty()) return {};
    bool maps = false;
    bool scalars = false;
    for (const Array* part : {&original, &patch}) {
      for (const Json& element : *part) {
        if (element.is_array()) {
          return Status::invalid("the server rejected our request due to an error in our request").with_details({});
        }
        (element.is_object() ? maps : scalars) = true;
      }
    }
    if (maps && scalars) return bare_error("list element types are not identical");
    if (!maps) return primitives(original, patch, deletes);
    if (!meta.merge_key.empty()) return keyed(original, patch, meta);
    return bare_error("cannot merge lists without merge key for " +
                      (meta.message == nullptr ? std::string() : meta.message->name));
  }

  Status primitives(Array& original, Array& patch, bool deletes) {
    const Positions server(account_, original, ""), named(account_, patch, "");
    Positions seen(account_);
    Array out(original.storage());
    std::string id;
    auto take = [&](Json& value) {
      identity(value, "", id);
      if (deletes ? !named.contains(id) : seen.add(id, 0)) out.push_back(std::move(value));
    };
    for (Json& value : original) take(value);
    if (!deletes) {
      for (Json& value : patch) take(value);
    }
    original = deletes ? std::move(out) : in_order(std::move(out), named, server, "");
    return spend(original.size() + (named.bytes() + server.bytes() + seen.bytes()) / kBytesAStep);
  }

  Status keyed(Array& original, Array& patch, const Meta& meta) {
    bool replace = false;
    if (Status status = special_elements(original, patch, meta.merge_key, replace); !status.ok()) return status;
    if (replace) {
      for (Json& element : patch) discard(element);
      original = std::move(patch);
      return {};
    }
    const Positions server(account_, original, meta.merge_key), named(account_, patch, meta.merge_key);
    if (Status status = elements(original, patch, server, meta); !status.ok()) return status;
    original = in_order(std::move(original), named, server, meta.merge_key);
    return spend(original.size() + (named.bytes() + server.bytes()) / kBytesAStep);
  }

  Status elements(Array& merged, Array& patch, const Positions& server, const Meta& meta) {
    Positions added(account_);
    std::string id;
    for (Json& element : patch) {
      if (!identity(element, meta.merge_key, id)) return no_merge_key(element, meta.merge_key);
      size_t place = server.find(id);
      if (place == kNowhere) place = added.find(id);
      if (place != kNowhere) {
        Status status = map(merged[place], element.get_object(), Scope{meta.message});
        if (!status.ok()) return status;
        continue;
      }
      added.add(id, merged.size());
      discard(element);
      merged.push_back(std::move(element));
    }
    return {};
  }

  // Elements with $patch: carries out deletions, notes a replacement, and leaves the ordinary elements in `patch`.
  Status special_elements(Array& original, Array& patch, const std::string& key, bool& replace) {
    Positions deleted(account_);
    std::string id;
    Array plain(patch.storage());
    for (Json& element : patch) {
      Object& object = element.get_object();
      const Json* directive = object.if_contains(kDirective);
      if (directive == nullptr) {
        plain.push_back(std::move(element));
      } else if (*directive == "delete") {
        if (!identity(element, key, id)) return no_merge_key(element, key);
        deleted.add(id, 0);
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
    if (deleted.empty()) return {};
    if (Status status = remove(original, deleted, key); !status.ok()) return status;
    return spend(original.size() + deleted.bytes() / kBytesAStep);
  }

  static Status remove(Array& original, const Positions& deleted, const std::string& key) {
    std::string id;
    for (size_t i = original.size(); i-- > 0;) {
      if (!identity(original[i], key, id)) return no_merge_key(original[i], key);
    }
    drop_elements(original, [&](const Json& element) { return identity(element, key, id) && deleted.contains(id); });
    return {};
  }

  const std::shared_ptr<limits::Account>& account_;
  const size_t most_work_;
  size_t work_ = 0;
};

}  // namespace
}  // namespace gantry::schema::strategic

namespace gantry::schema {

Expected<Json> strategic_merge_patch(const Message& message, const Json& document, const Json& patch,
                                     std::shared_ptr<limits::Account> account) {
  if (!patch.is_object() && !patch.is_null()) {
    return Status::bad_request(std::string("json: cannot unmarshal ") + kind_of(patch) +
                               " into Go value of type map[string]interface {}");
  }
  size_t values = 0;
  if (depth_of(patch, kMaxDepth, values) > kMaxDepth) return too_deep();
  (void)depth_of(document, kMaxDepth, values);
  return counted([&]() -> Expected<Json> {
    auto result = copy_of(document, account);
    if (!result || patch.is_null()) return result;
    Json brought(patch, result->storage());
    Status status = strategic::Merger(account, values).map(*result, brought.get_object(), strategic::Scope{&message});
    if (!status.ok()) return status;
    return result;
  });
}

}  // namespace gantry::schema
