#include "history.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "gantry/template_patch.hpp"

namespace gantry::statefulset {
namespace {

// The same template may be written in another way: by another program, or one of before. Then that is what is wanted.
void write_alike(const sdk::Revisions& revisions, appsv1::ControllerRevision& wanted) {
  const auto is_same = [&](const auto& one) { return sdk::same_state(one, wanted); };
  if (std::any_of(revisions.begin(), revisions.end(), is_same)) return;
  const auto is_alike = [&](const auto& one) {
    const auto from = sdk::template_of_patch(one.data().raw());
    return from && sdk::template_patch(*from) == wanted.data().raw();
  };
  const auto found = std::find_if(revisions.rbegin(), revisions.rend(), is_alike);
  if (found != revisions.rend()) wanted.mutable_data()->set_raw(found->data().raw());
}

}  // namespace

Expected<History> History::open(const sdk::Host& host, const StatefulSet& set, int32_t& collisions) {
  const auto reference = sdk::controller_reference(set.metadata(), kApiVersion, kKind);
  auto revisions = sdk::claim_revisions(host, set, reference, set.spec().selector());
  if (!revisions) return std::move(revisions).error();
  History history;
  history.sorted_ = std::move(*revisions);
  history.set_spec_ = &set.spec().template_();
  auto wanted =
      sdk::make_revision(set.metadata(), reference, set.spec().template_().metadata().labels(),
                         sdk::template_patch(set.spec().template_()), sdk::next_revision(history.sorted_), collisions);
  *wanted.mutable_metadata()->mutable_annotations() = set.metadata().annotations();
  write_alike(history.sorted_, wanted);
  auto update = sdk::present_revision(host, history.sorted_, std::move(wanted), set.metadata().name(), collisions);
  if (!update) return std::move(update).error();
  history.update_ = std::move(*update);
  const auto& all = history.sorted_;
  const auto current = std::find_if(all.begin(), all.end(), [&](const auto& one) {
    return one.metadata().name() == set.status().current_revision();
  });
  history.current_ = current == all.end() ? history.update_ : *current;
  return history;
}

Expected<const corev1::PodTemplateSpec*> History::current_template() {
  if (current() == update()) return set_spec_;
  if (!current_template_) {
    auto read = sdk::template_of_patch(current_.data().raw());
    if (!read) return Status(read.error()).in("the revision " + current());
    current_template_ = std::move(*read);
  }
  return &*current_template_;
}

void History::add_truncation(const StatefulSet& set, const std::vector<Pod>& pods, Writes& writes) const {
  const int32_t limit = set.spec().revision_history_limit();
  if (!set.spec().has_revision_history_limit() || limit < 0 || sorted_.size() <= static_cast<size_t>(limit)) return;
  std::unordered_set<std::string_view> live{current(), update()};
  for (const auto& pod : pods) live.insert(revision_of(pod));
  const auto is_live = [&](const auto& one) { return live.contains(one.metadata().name()); };
  for (const auto& old : sdk::beyond_limit(sorted_, static_cast<size_t>(limit), sdk::Kept::kBesidesLive, is_live)) {
    writes.remove(old);
  }
}

}  // namespace gantry::statefulset
