// The common part of every write. Pure, any thread.
#include "core/apiserver/verbs/lifecycle.hpp"

#include "core/apiserver/request/forms.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/values/same_json.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::apiserver {
namespace {

constexpr std::string_view kServerOwned[] = {"uid", "creationTimestamp", "deletionTimestamp",
                                             "deletionGracePeriodSeconds", "generation"};

bool is_content(std::string_view key) {
  return key != "metadata" && key != "status" && key != "kind" && key != "apiVersion";
}

bool same_content(const Json& next, const Json& old) {
  for (const auto& [key, value] : next.as_object()) {
    if (!is_content(key)) continue;
    const Json* before = find(old, {key});
    if (before == nullptr || !schema::same_json(*before, value)) return false;
  }
  for (const auto& [key, value] : old.as_object()) {
    if (is_content(key) && !next.as_object().contains(key)) return false;
  }
  return true;
}

// The content as it is written: what is always written (an empty list as null) is there, whether it was said or not.
std::string written_content(const schema::Kind& kind, const Json& document) {
  Json content = boost::json::object();
  for (const auto& [key, value] : document.as_object()) {
    if (is_content(key)) content.as_object()[key] = value;
  }
  return schema::encode_json(*kind.message, content);
}

// /status changes the status; everything else stays.
void keep_content(Json& next, const Json& old) {
  auto& object = next.as_object();
  std::vector<std::string> extra;
  for (const auto& [key, value] : object) {
    if (is_content(key) && find(old, {key}) == nullptr) extra.emplace_back(key);
  }
  for (const auto& key : extra) object.erase(key);
  for (const auto& [key, value] : old.as_object()) {
    if (is_content(key)) object[key] = value;
  }
}

// /approval changes the conditions of the status.
void keep_all_but_conditions(Json& next, const Json& old) {
  Json conditions;
  if (const Json* given = find(next, {"status", "conditions"})) conditions = *given;
  keep_content(next, old);
  auto& object = next.as_object();
  take_key(object, old, "status");
  Json& status = object["status"];
  if (!status.is_object()) status.emplace_object();
  if (conditions.is_null()) {
    status.get_object().erase("conditions");
  } else {
    status.get_object()["conditions"] = std::move(conditions);
  }
}

}  // namespace

void begin_object(const Environment& env, const schema::Kind& kind, Json& document) {
  auto& metadata = metadata_of(document);
  for (const auto key : kServerOwned) metadata.erase(key);
  for (const std::string_view key : {"selfLink", "managedFields", "resourceVersion"}) metadata.erase(key);
  metadata["uid"] = env.new_uid();
  metadata["creationTimestamp"] = schema::format_time(env.now());
  if (kind.generation) metadata["generation"] = 1;
  const bool has_status = kind.subresource("status") != nullptr;
  if (has_status && !kind.behavior->keeps_status_on_create) document.as_object().erase("status");
}

void carry_over(const Environment& env, const schema::Kind& kind, std::string_view subresource, Json& next,
                const Json& old) {
  auto& metadata = metadata_of(next);
  const Json& before = *find(old, {"metadata"});
  for (const auto key : kServerOwned) take_key(metadata, before, key);
  for (const std::string_view key : {"selfLink", "managedFields"}) metadata.erase(key);
  const auto& behavior = *kind.behavior;
  const bool approves = subresource == "approval";
  if (approves || subresource == "status") {
    approves ? keep_all_but_conditions(next, old) : keep_content(next, old);
    if (!approves && behavior.update_status != nullptr) behavior.update_status(next.as_object(), old.as_object());
    if (behavior.stamp != nullptr) behavior.stamp(next.as_object(), old.as_object(), env.now());
    return;
  }
  if (kind.subresource("status") != nullptr) take_key(next.as_object(), old, "status");
  if (subresource == "finalize") return;
  if (behavior.update != nullptr) behavior.update(next.as_object(), old.as_object());
}

void count_generation(const schema::Kind& kind, std::string_view subresource, Json& next, const Json& old) {
  const bool keeps = subresource == "status" || subresource == "approval" || subresource == "finalize";
  if (!kind.generation || keeps) return;
  const auto counts = kind.behavior->counts;
  if (counts == nullptr || !counts(next.as_object(), old.as_object())) {
    if (same_content(next, old) || written_content(kind, next) == written_content(kind, old)) return;
  }
  metadata_of(next)["generation"] = int_at(old, {"metadata", "generation"}) + 1;
}

bool ready_to_go(const schema::Kind& kind, const Json& next, const Json& old) {
  if (text_at(next, {"metadata", "deletionTimestamp"}).empty()) return false;
  if (has_items(next, {"metadata", "finalizers"})) return false;
  if (const auto is_held = kind.behavior->is_held; is_held != nullptr) return !is_held(next.as_object());
  return int_at(old, {"metadata", "deletionGracePeriodSeconds"}) == 0;
}

std::string encode_at(const schema::Kind& kind, const Json& document, std::string_view version) {
  size_t at = std::string::npos;
  std::string json = schema::encode_json(*kind.message, document, &at);
  if (at != std::string::npos) json.insert(at, version);
  return json;
}

}  // namespace gantry::apiserver
