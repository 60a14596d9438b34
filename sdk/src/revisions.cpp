#include "gantry/revisions.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "gantry/template_hash.hpp"
#include "gantry/times.hpp"

namespace gantry::sdk {
namespace {

constexpr size_t kLongestOwner = 223;
constexpr int kTries = 5;

// FNV-1, as upstream's revisions have it, so that a state keeps its name where the data is the same.
std::string hash_of(std::string_view data, int32_t collisions) {
  uint32_t hash = 2166136261U;
  const auto add = [&](std::string_view bytes) {
    for (const char c : bytes) hash = hash * 16777619U ^ static_cast<unsigned char>(c);
  };
  add(data);
  add(std::to_string(collisions));
  return safe_text(hash);
}

void name_after(appsv1::ControllerRevision& revision, std::string_view owner, int32_t collisions) {
  const auto hash = hash_of(revision.data().raw(), collisions);
  revision.mutable_metadata()->set_name(hashed_name(owner.substr(0, kLongestOwner), hash));
  (*revision.mutable_metadata()->mutable_labels())[kRevisionHash] = hash;
}

// Somebody else may write its labels meanwhile.
Expected<appsv1::ControllerRevision> renumber(const Host& host, appsv1::ControllerRevision revision, int64_t number) {
  for (int tries = 1;; ++tries) {
    revision.set_revision(number);
    auto updated = host.update(revision);
    if (updated || updated.error().code() != 409 || tries == kTries) return updated;
    auto fresh =
        host.get_object<appsv1::ControllerRevision>(revision.metadata().namespace_(), revision.metadata().name());
    if (!fresh) return fresh;
    revision = std::move(*fresh);
  }
}

Expected<appsv1::ControllerRevision> create(const Host& host, appsv1::ControllerRevision wanted, std::string_view owner,
                                            int32_t& collisions) {
  const auto& meta = wanted.metadata();
  for (int tries = 1;; ++tries) {
    name_after(wanted, owner, collisions);
    auto created = host.create(meta.namespace_(), wanted);
    if (created || created.error().reason() != "AlreadyExists") return created;
    auto other = host.get_object<appsv1::ControllerRevision>(meta.namespace_(), meta.name());
    if (!other) return other;
    // Ours, when an earlier run made it and the cache does not show it yet, or an orphan, to be adopted.
    const auto *theirs = controller_of(other->metadata()), *mine = controller_of(meta);
    const bool free = theirs == nullptr || mine == nullptr || theirs->uid() == mine->uid();
    if (free && same_state(*other, wanted)) return other;
    ++collisions;
    if (tries == kTries) return created;
  }
}

}  // namespace

appsv1::ControllerRevision make_revision(const metav1::ObjectMeta& owner, metav1::OwnerReference reference,
                                         const LabelMap& labels, std::string data, int64_t number, int32_t collisions) {
  appsv1::ControllerRevision revision;
  revision.mutable_metadata()->set_namespace_(owner.namespace_());
  *revision.mutable_metadata()->mutable_labels() = labels;
  *revision.mutable_metadata()->add_owner_references() = std::move(reference);
  revision.mutable_data()->set_raw(std::move(data));
  revision.set_revision(number);
  name_after(revision, owner.name(), collisions);
  return revision;
}

void sort_revisions(Revisions& revisions) {
  const auto key = [](const appsv1::ControllerRevision& revision) {
    const auto& meta = revision.metadata();
    return std::make_tuple(revision.revision(), to_ns(meta.creation_timestamp()), std::cref(meta.name()));
  };
  std::sort(revisions.begin(), revisions.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
}

int64_t next_revision(const Revisions& sorted) {
  return sorted.empty() ? 1 : later(std::max<int64_t>(sorted.back().revision(), 0), 1);
}

bool same_state(const appsv1::ControllerRevision& a, const appsv1::ControllerRevision& b) {
  return a.data().raw() == b.data().raw();
}

Revisions beyond_limit(const Revisions& sorted, size_t limit, Kept kept,
                       const std::function<bool(const appsv1::ControllerRevision&)>& live) {
  Revisions old;
  std::copy_if(sorted.begin(), sorted.end(), std::back_inserter(old), [&](const auto& one) { return !live(one); });
  const size_t counted = kept == Kept::kInAll ? sorted.size() : old.size();
  old.resize(std::min(old.size(), counted - std::min(counted, limit)));
  return old;
}

Expected<appsv1::ControllerRevision> present_revision(const Host& host, const Revisions& sorted,
                                                      appsv1::ControllerRevision wanted, std::string_view owner,
                                                      int32_t& collisions) {
  const auto found =
      std::find_if(sorted.rbegin(), sorted.rend(), [&](const auto& one) { return same_state(one, wanted); });
  if (found == sorted.rend()) return create(host, std::move(wanted), owner, collisions);
  if (found == sorted.rbegin()) return *found;
  return renumber(host, *found, next_revision(sorted));
}

}  // namespace gantry::sdk
