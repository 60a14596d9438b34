// What a delete request does to an object. Pure, any thread.
#include "core/apiserver/verbs/deletion.hpp"

#include <algorithm>

#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/verbs/lifecycle.hpp"
#include "core/schema/values/arena.hpp"
#include "core/schema/values/same_json.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::apiserver {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::string_view kForeground = "foregroundDeletion";
constexpr std::string_view kOrphan = "orphan";

Status check_preconditions(const schema::Kind& kind, const Json& options, const store::Entry& entry,
                           const Json& current) {
  const auto name = text_at(current, {"metadata", "name"});
  const auto uid = text_at(options, {"preconditions", "uid"});
  const auto have = text_at(current, {"metadata", "uid"});
  if (!uid.empty() && uid != have) {
    return precondition_conflict(kind, name,
                                 "the UID in the precondition (" + std::string(uid) +
                                     ") does not match the UID in record (" + std::string(have) +
                                     "). The object might have been deleted and then recreated");
  }
  const auto version = text_at(options, {"preconditions", "resourceVersion"});
  const auto revision = std::to_string(entry.mod_revision);
  if (!version.empty() && version != revision) {
    return precondition_conflict(kind, name,
                                 "the ResourceVersion in the precondition (" + std::string(version) +
                                     ") does not match the ResourceVersion in record (" + revision +
                                     "). The object might have been modified");
  }
  return {};
}

bool is_policy(const Json& finalizer) {
  const auto* text = finalizer.if_string();
  return text != nullptr && (*text == kForeground || *text == kOrphan);
}

// What is asked for; else what a finalizer says; else what is usual with the kind.
std::string_view policy_of(const schema::Behavior& behavior, const Json& options, const Json& current) {
  const auto asked = text_at(options, {"propagationPolicy"});
  if (!asked.empty() || !behavior.orphans) return asked;
  const Json* list = find(current, {"metadata", "finalizers"});
  const bool said =
      list != nullptr && list->is_array() && std::any_of(list->get_array().begin(), list->get_array().end(), is_policy);
  return said ? "" : "Orphan";
}

// The two finalizers that stand for a propagation policy.
void set_policy_finalizers(Json& next, std::string_view policy) {
  if (policy.empty()) return;
  auto& metadata = metadata_of(next);
  JsonArray kept;
  if (const Json* list = metadata.if_contains("finalizers"); list != nullptr && list->is_array()) {
    for (const auto& item : list->get_array()) {
      if (!is_policy(item)) kept.push_back(item);
    }
  }
  if (policy == "Foreground") kept.emplace_back(kForeground);
  if (policy == "Orphan") kept.emplace_back(kOrphan);
  if (kept.empty()) {
    metadata.erase("finalizers");
  } else {
    metadata["finalizers"] = std::move(kept);
  }
}

void mark(const Environment& env, Json& next, int64_t grace) {
  auto& metadata = metadata_of(next);
  metadata["deletionTimestamp"] = schema::format_time(env.now() + grace * kSecond);
  metadata["deletionGracePeriodSeconds"] = grace;
  if (const int64_t generation = int_at(next, {"metadata", "generation"}); generation > 0) {
    metadata["generation"] = generation + 1;
  }
}

// A second delete may only shorten the grace of the first.
void shorten(Json& next, int64_t before, int64_t grace) {
  auto& metadata = metadata_of(next);
  const auto end = schema::parse_time(text_at(next, {"metadata", "deletionTimestamp"}));
  if (end) metadata["deletionTimestamp"] = schema::format_time(*end - (before - grace) * kSecond);
  metadata["deletionGracePeriodSeconds"] = grace;
}

// Of a kind whose objects something of their own may hold.
Change plan_held(const Environment& env, const schema::Behavior& behavior, Change change, bool marked) {
  if (!behavior.is_held(change.next.as_object())) {
    change.erase = !has_items(change.next, {"metadata", "finalizers"});
    if (change.erase || marked) return change;
  }
  if (marked) {
    change.unchanged = true;
    return change;
  }
  metadata_of(change.next)["deletionTimestamp"] = schema::format_time(env.now());
  behavior.terminate(change.next.as_object());
  return change;
}

}  // namespace

Expected<Change> plan_deletion(const Call& call, const Json& options, const store::Entry& entry, const Json& current) {
  const auto& env = *call.env;
  const auto& kind = call.kind();
  if (auto status = check_preconditions(kind, options, entry, current); !status.ok()) return status;
  auto next = schema::copy_of(current, call.request.account);
  if (!next) return next.error();
  Change change{.next = std::move(*next), .internal = true};
  set_policy_finalizers(change.next, policy_of(*kind.behavior, options, current));
  const bool marked = !text_at(current, {"metadata", "deletionTimestamp"}).empty();
  const auto& behavior = *kind.behavior;
  if (behavior.is_held != nullptr) return plan_held(env, behavior, std::move(change), marked);

  const bool has_grace = behavior.grace != nullptr;
  static const JsonObject kNone;
  const auto* given = options.if_object();  // a body may be null
  const int64_t grace = has_grace ? behavior.grace(given != nullptr ? *given : kNone, current.as_object()) : 0;
  const int64_t before = int_at(current, {"metadata", "deletionGracePeriodSeconds"});
  const bool held = has_items(change.next, {"metadata", "finalizers"});
  if (marked && before > 0 && grace >= before) {
    change.unchanged = schema::same_json(change.next, current);
    return change;
  }
  if (grace == 0 && !held) {
    // Watchers see when and with what grace it went.
    if (!marked && has_grace) mark(env, change.next, 0);
    if (marked) metadata_of(change.next)["deletionGracePeriodSeconds"] = 0;
    change.erase = true;
    return change;
  }
  if (!marked) {
    mark(env, change.next, grace);
  } else if (before > grace) {
    shorten(change.next, before, grace);
  } else {
    change.unchanged = schema::same_json(change.next, current);
  }
  return change;
}

}  // namespace gantry::apiserver
