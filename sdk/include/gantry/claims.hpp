// Which objects belong to a controller's object: what it owns and its selector matches, what it adopts, what it lets
// go. For kinds that own what their selector matches (ReplicaSet, Deployment, StatefulSet, DaemonSet, Job). [worker]
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gantry/host.hpp"
#include "gantry/ownership.hpp"
#include "gantry/selectors.hpp"

namespace gantry::sdk {

// The rules of one claim, for one object after the other. Borrows what it is given.
class Claimer {
 public:
  // `owner` is of `owners`, what is claimed of `objects`; `reference` is what adopted objects get.
  Claimer(const Host& host, ResourceName owners, const metav1::ObjectMeta& owner, metav1::OwnerReference reference,
          const metav1::LabelSelector& selector, ResourceName objects)
      : host_(host),
        owners_(owners),
        owner_(owner),
        reference_(std::move(reference)),
        selector_(selector),
        objects_(objects) {}

  // What is adopted gets this finalizer in the same write, what is let go loses it.
  Claimer& with_finalizer(std::string finalizer) {
    finalizer_ = std::move(finalizer);
    return *this;
  }

  struct Outcome {
    bool ours = false;
    std::string adopted;  // the object as it is since it was adopted; empty: as it was
  };
  // Adopts or lets go as needed. An object that is gone meanwhile is nobody's, and no error.
  Expected<Outcome> claim(const metav1::ObjectMeta& object);

 private:
  Expected<Outcome> adopt(const metav1::ObjectMeta& object);
  Expected<Outcome> release(const metav1::ObjectMeta& object) const;
  Expected<ApiResponse> patch(const metav1::ObjectMeta& object, std::string json) const;
  Status recheck() const;

  const Host& host_;
  const ResourceName owners_;
  const metav1::ObjectMeta& owner_;
  const metav1::OwnerReference reference_;
  const metav1::LabelSelector& selector_;
  const ResourceName objects_;
  std::string finalizer_;
  std::optional<Status> rechecked_;  // before the first adoption
};

// Keeps of `candidates` what the owner has and what it could adopt, and lets go of what no longer matches. All are
// tried; the first failure is returned.
template <typename Owner, typename Object>
Expected<std::vector<Object>> claim(const Host& host, const Owner& owner, metav1::OwnerReference reference,
                                    const metav1::LabelSelector& selector, std::vector<Object> candidates) {
  Claimer claimer(host, ResourceOf<Owner>::name, owner.metadata(), std::move(reference), selector,
                  ResourceOf<Object>::name);
  std::vector<Object> claimed;
  Status first;
  for (auto& object : candidates) {
    auto outcome = claimer.claim(object.metadata());
    if (outcome && !outcome->adopted.empty() && !object.ParseFromString(outcome->adopted)) {
      outcome = Status::internal("the server's object could not be decoded");
    }
    if (!outcome) {
      if (first.ok()) first = std::move(outcome).error();
    } else if (outcome->ours) {
      claimed.push_back(std::move(object));
    }
  }
  if (!first.ok()) return first;
  return claimed;
}

// What claim_candidates() finds, in a host that has no indexes.
template <typename Object>
Expected<std::vector<Object>> claim_candidates_by_scan(const Host& host, const metav1::ObjectMeta& owner,
                                                       const metav1::LabelSelector& selector) {
  auto found = host.cached_by_owner<Object>(owner.uid());
  std::erase_if(found, [&](const Object& object) {
    const auto* controller = controller_of(object.metadata());
    return controller == nullptr || controller->uid() != owner.uid() ||
           object.metadata().namespace_() != owner.namespace_();
  });
  auto matching = host.cached_list<Object>(owner.namespace_(), selector_text(selector));
  if (!matching) return std::move(matching).error();
  for (auto& object : *matching) {
    if (controller_of(object.metadata()) == nullptr) found.push_back(std::move(object));
  }
  return found;
}

// What `owner` has or might adopt, from the cache: both through the index of controllers, so that nothing of others is
// looked at, and nothing twice. Only in its own namespace: a reference from another one is nobody's.
template <typename Object>
Expected<std::vector<Object>> claim_candidates(const Host& host, const metav1::ObjectMeta& owner,
                                               const metav1::LabelSelector& selector) {
  constexpr std::string_view kIndex = "metadata.controller";
  auto found = host.cached_by_index<Object>(kIndex, owner.uid(), owner.namespace_());
  if (!found && found.error().code() == 501) return claim_candidates_by_scan<Object>(host, owner, selector);
  if (!found) return std::move(found).error();
  auto orphans = host.cached_by_index<Object>(kIndex, "", owner.namespace_(), selector_text(selector));
  if (!orphans) return std::move(orphans).error();
  std::move(orphans->begin(), orphans->end(), std::back_inserter(*found));
  return found;
}

// The patches (strategic merge), each meant for the object with this uid alone.
std::string adoption_patch(const metav1::OwnerReference& owner, std::string_view object_uid);
std::string release_patch(std::string_view owner_uid, std::string_view object_uid);

}  // namespace gantry::sdk
