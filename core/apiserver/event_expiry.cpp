// Removes old Events. [worker]
#include "core/apiserver/event_expiry.hpp"

#include <algorithm>

#include "core/apiserver/forms.hpp"
#include "core/schema/codec.hpp"
#include "core/schema/values.hpp"

namespace gantry::apiserver {
namespace {

int64_t last_written(const Json& event) {
  int64_t latest = 0;
  for (const auto text : {text_at(event, {"metadata", "creationTimestamp"}), text_at(event, {"lastTimestamp"}),
                          text_at(event, {"eventTime"}), text_at(event, {"series", "lastObservedTime"}),
                          text_at(event, {"deprecatedLastTimestamp"})}) {
    const auto time = schema::parse_time(text);
    if (time) latest = std::max(latest, *time);
  }
  return latest;
}

}  // namespace

store::Revision EventExpiry::horizon(const Environment& env, int64_t now) {
  const int64_t oldest = now - env.options.event_ttl_seconds * 1'000'000'000;
  samples_.push_back({now, env.store.revision()});
  store::Revision revision = 0;
  while (!samples_.empty() && samples_.front().unix_ns <= oldest) {
    revision = samples_.front().revision;
    samples_.pop_front();
  }
  // The newest sample that is old enough stays: it is right until the next one is.
  if (revision != 0) samples_.push_front({oldest, revision});
  return revision;
}

void EventExpiry::sweep_folder(Environment& env, const schema::Kind& kind, const std::string& folder,
                               store::Revision horizon, int64_t now) {
  auto all = env.store.list(folder);
  if (!all) return;
  const int64_t oldest = now - env.options.event_ttl_seconds * 1'000'000'000;
  for (const auto& entry : all->entries) {
    const bool old = entry->mod_revision <= horizon || (first_ && last_written(parse_entry(*entry)) <= oldest);
    if (!old) continue;
    store::Write write;
    write.kind = store::Write::Kind::kDelete;
    write.key = entry->key;
    write.value = schema::encode_json(*kind.message, parse_entry(*entry), &write.revision_at);
    write.expected = entry->mod_revision;
    // Whoever wrote to it in between keeps it.
    env.store.write(std::move(write), [](const Expected<store::EntryPtr>&) {});
  }
}

void EventExpiry::sweep() {
  const auto env = env_.lock();
  if (!env || env->stopping) return;
  const int64_t now = env->now();
  const auto revision = horizon(*env, now);
  const auto schema = env->schemas.now();
  const auto* kind = schema->find_resource("", "v1", "events");
  if (kind != nullptr) sweep_folder(*env, *kind, key_prefix(*kind), revision, now);
  // Where those of events.k8s.io lay while they were not the same objects.
  const auto* other = schema->find_resource("events.k8s.io", "v1", "events");
  if (other != nullptr) sweep_folder(*env, *other, "/events.k8s.io/events/", revision, now);
  first_ = false;
}

}  // namespace gantry::apiserver
