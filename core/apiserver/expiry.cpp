// Removes what nobody has written to for long. [worker]
#include "core/apiserver/expiry.hpp"

#include <algorithm>

#include "core/apiserver/request/forms.hpp"
#include "core/schema/codec/codec.hpp"

namespace gantry::apiserver {
store::Revision Expiry::horizon(const Environment& env, int64_t now) {
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

void Expiry::sweep_folder(Environment& env, const schema::Kind& kind, const std::string& folder,
                          store::Revision horizon, int64_t now) {
  auto all = env.store.list(folder);
  if (!all) return;
  const int64_t oldest = now - env.options.event_ttl_seconds * 1'000'000'000;
  for (const auto& entry : all->entries) {
    const bool old = entry->mod_revision <= horizon ||
                     (first_ && kind.behavior->last_written(parse_entry(*entry).as_object()) <= oldest);
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

void Expiry::sweep() {
  const auto env = env_.lock();
  if (!env || env->stopping) return;
  const int64_t now = env->now();
  const auto revision = horizon(*env, now);
  const auto schema = env->schemas.now();
  for (const auto* kind : schema->kinds()) {
    if (kind->behavior->last_written == nullptr) continue;
    // One whose objects are another version's now has what was stored of it before.
    const std::string folder = "/" + kind->group + "/" + kind->plural + "/";
    sweep_folder(*env, *kind, folder, revision, now);
  }
  first_ = false;
}

}  // namespace gantry::apiserver
