#include "history.hpp"

#include <algorithm>
#include <unordered_set>

#include "gantry/json_text.hpp"
#include "gantry/template_patch.hpp"
#include "gantry/writes.hpp"

namespace gantry::daemonset {
namespace {

using appsv1::ControllerRevision;

// The label that was made from the revision's name, or the name itself where another program made the revision.
std::string hash_for(const ControllerRevision& revision) {
  const auto& labels = revision.metadata().labels();
  const auto made = labels.find(sdk::kRevisionHash);
  return made == labels.end() ? revision.metadata().name() : made->second;
}

// A name that was taken gives the revision another hash than the one it was made with.
Expected<ControllerRevision> with_hash(const sdk::Host& host, ControllerRevision revision, bool made_now) {
  auto& labels = *revision.mutable_metadata()->mutable_labels();
  const auto it = labels.find(kHashLabel);
  const auto wanted = hash_for(revision);
  if (it != labels.end() && (!made_now || it->second == wanted)) return revision;
  labels[kHashLabel] = wanted;
  return host.update(revision);
}

Status relabel(const sdk::Host& host, const std::vector<Pod>& pods, const std::unordered_set<std::string>& from,
               const std::string& to) {
  for (const auto& pod : pods) {
    if (!from.contains(hash_of(pod))) continue;
    std::string label = "{";
    sdk::add_json_member(label, kHashLabel, to);
    auto patched = sdk::unless_gone(host.patch<Pod>(pod.metadata().namespace_(), pod.metadata().name(),
                                                    "{\"metadata\":{\"labels\":" + label + "}}}"));
    if (!patched.ok()) return patched;
  }
  return {};
}

Status remove_revision(const sdk::Host& host, const ControllerRevision& revision) {
  return sdk::unless_gone(
      host.remove<ControllerRevision>(revision.metadata().namespace_(), revision.metadata().name()));
}

// Ends the others of the present state; `old` loses them.
Status end_duplicates(const sdk::Host& host, const ControllerRevision& present, const std::string& hash,
                      const std::vector<Pod>& pods, sdk::Revisions& old) {
  const auto same =
      std::stable_partition(old.begin(), old.end(), [&](const auto& one) { return !sdk::same_state(one, present); });
  if (same == old.end()) return {};
  std::unordered_set<std::string> hashes;
  for (auto it = same; it != old.end(); ++it) {
    const auto label = it->metadata().labels().find(kHashLabel);
    hashes.insert(label != it->metadata().labels().end() ? label->second : hash_for(*it));
  }
  hashes.erase(hash);
  if (auto done = relabel(host, pods, hashes, hash); !done.ok()) return done;
  for (auto it = same; it != old.end(); ++it) {
    if (auto done = remove_revision(host, *it); !done.ok()) return done;
  }
  old.erase(same, old.end());
  return {};
}

}  // namespace

Expected<History> read_history(const sdk::Host& host, const DaemonSet& set, const std::vector<Pod>& pods,
                               int32_t& collisions) {
  const auto reference = sdk::controller_reference(set.metadata(), kApiVersion, kKind);
  auto revisions = sdk::claim_revisions(host, set, reference, set.spec().selector());
  if (!revisions) return std::move(revisions).error();
  const auto& pod_template = set.spec().template_();
  auto wanted = sdk::make_revision(set.metadata(), reference, pod_template.metadata().labels(),
                                   sdk::template_patch(pod_template), sdk::next_revision(*revisions), collisions);
  *wanted.mutable_metadata()->mutable_annotations() = set.metadata().annotations();
  auto& labels = *wanted.mutable_metadata()->mutable_labels();
  labels[kHashLabel] = labels[sdk::kRevisionHash];
  const bool is_known =
      std::any_of(revisions->begin(), revisions->end(), [&](const auto& one) { return sdk::same_state(one, wanted); });
  auto present = sdk::present_revision(host, *revisions, std::move(wanted), set.metadata().name(), collisions);
  if (!present) return std::move(present).error();
  present = with_hash(host, *std::move(present), !is_known);
  if (!present) return std::move(present).error();
  History history{.hash = present->metadata().labels().at(kHashLabel), .old = {}};
  std::copy_if(revisions->begin(), revisions->end(), std::back_inserter(history.old),
               [&](const auto& one) { return one.metadata().name() != present->metadata().name(); });
  if (auto done = end_duplicates(host, *present, history.hash, pods, history.old); !done.ok()) return done;
  return history;
}

Status trim_history(const sdk::Host& host, const DaemonSet& set, const History& history, const std::vector<Pod>& pods) {
  const auto limit = static_cast<size_t>(std::max(0, set.spec().revision_history_limit()));
  if (history.old.size() <= limit) return {};
  std::unordered_set<std::string> live;
  for (const auto& pod : pods) live.insert(hash_of(pod));
  const auto is_live = [&](const ControllerRevision& revision) {
    const auto& labels = revision.metadata().labels();
    const auto it = labels.find(kHashLabel);
    return it != labels.end() && live.contains(it->second);
  };
  for (const auto& revision : sdk::beyond_limit(history.old, limit, sdk::Kept::kInAll, is_live)) {
    if (auto done = remove_revision(host, revision); !done.ok()) return done;
  }
  return {};
}

}  // namespace gantry::daemonset
