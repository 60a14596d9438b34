// RFC 7386 (merge patch) over documents. Called by the API server's PATCH handlers; pure functions, any thread.
#include <boost/json/object.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/schema/patch/json_edit.hpp"
#include "core/schema/patch/patch.hpp"
#include "core/schema/patch/patch_words.hpp"
#include "core/schema/values/arena.hpp"
#include "core/schema/values/counted.hpp"

namespace gantry::schema {
namespace {

using Object = boost::json::object;

void merge_into(Json& target, const Object& patch) {
  if (!target.is_object()) target = Object(target.storage());
  Object& object = target.get_object();
  std::vector<size_t> gone;  // members that are added go to the end, so positions stay
  for (const auto& [key, value] : patch) {
    const auto it = object.find(key);
    if (value.is_null()) {
      if (it != object.end()) gone.push_back(static_cast<size_t>(it - object.begin()));
    } else if (value.is_object()) {
      merge_into(it != object.end() ? it->value() : object[key], value.get_object());
    } else {
      object[key] = value;
    }
  }
  drop_members(object, std::move(gone));
}

}  // namespace

Expected<Json> merge_patch(const Json& document, const Json& patch, std::shared_ptr<limits::Account> account) {
  if (patch.is_null()) return Status::bad_request("Invalid JSON Patch");
  if (!patch.is_object()) {
    return Status::bad_request(std::string("error decoding patch: json: cannot unmarshal ") + kind_of(patch) +
                               " into Go value of type map[string]interface {}");
  }
  if (deeper_than(patch, kMaxDepth)) return too_deep();
  return counted([&] {
    auto result = copy_of(document, std::move(account));
    if (result) merge_into(*result, patch.get_object());
    return result;
  });
}

}  // namespace gantry::schema
