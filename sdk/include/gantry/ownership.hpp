// Which objects belong to a controller's object: label selectors, controller references, adoption and release.
//
// For kinds that own what their selector matches (ReplicaSet, Deployment, StatefulSet, DaemonSet, Job). The claim runs
// inside a reconcile; the rest is pure. [worker] for claim_owned, any thread for the rest.
#pragma once

#include <google/protobuf/map.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/host.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/selector.pb.h"

namespace gantry::sdk {

using LabelMap = google::protobuf::Map<std::string, std::string>;

// The one owner that manages the object, or null.
inline const metav1::OwnerReference* controller_of(const metav1::ObjectMeta& meta) {
  for (const auto& owner : meta.owner_references()) {
    if (owner.controller()) return &owner;
  }
  return nullptr;
}

inline metav1::OwnerReference controller_reference(const metav1::ObjectMeta& owner, std::string_view api_version,
                                                   std::string_view kind) {
  metav1::OwnerReference reference;
  reference.set_api_version(std::string(api_version));
  reference.set_kind(std::string(kind));
  reference.set_name(owner.name());
  reference.set_uid(owner.uid());
  reference.set_controller(true);
  reference.set_block_owner_deletion(true);
  return reference;
}

inline bool requirement_matches(const metav1::LabelSelectorRequirement& requirement, const LabelMap& labels) {
  const auto found = labels.find(requirement.key());
  const bool present = found != labels.end();
  const auto& values = requirement.values();
  const bool listed = present && std::find(values.begin(), values.end(), found->second) != values.end();
  if (requirement.operator_() == "In") return listed;
  if (requirement.operator_() == "NotIn") return !listed;
  if (requirement.operator_() == "Exists") return present;
  return requirement.operator_() == "DoesNotExist" && !present;
}

// An empty selector matches everything.
inline bool selector_matches(const metav1::LabelSelector& selector, const LabelMap& labels) {
  for (const auto& [key, value] : selector.match_labels()) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  for (const auto& requirement : selector.match_expressions()) {
    if (!requirement_matches(requirement, labels)) return false;
  }
  return true;
}

inline bool is_empty(const metav1::LabelSelector& selector) {
  return selector.match_labels().empty() && selector.match_expressions().empty();
}

// As the list and cache interfaces want it: "app=web,tier in (a,b)".
inline std::string selector_text(const metav1::LabelSelector& selector) {
  std::string text;
  const auto next = [&]() -> std::string& { return text.empty() ? text : text.append(","); };
  for (const auto& [key, value] : selector.match_labels()) next().append(key).append("=").append(value);
  for (const auto& requirement : selector.match_expressions()) {
    const auto& op = requirement.operator_();
    next().append(op == "DoesNotExist" ? "!" : "").append(requirement.key());
    if (op != "In" && op != "NotIn") continue;
    text.append(op == "In" ? " in (" : " notin (");
    for (int i = 0; i < requirement.values_size(); ++i) text.append(i == 0 ? "" : ",").append(requirement.values(i));
    text.append(")");
  }
  return text;
}

// The names come from objects' metadata and need no escaping: DNS names, UUIDs, group/version.
inline std::string adoption_patch(const metav1::OwnerReference& owner, std::string_view object_uid) {
  return "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"" + owner.api_version() + "\",\"kind\":\"" +
         owner.kind() + "\",\"name\":\"" + owner.name() + "\",\"uid\":\"" + owner.uid() +
         "\",\"controller\":true,\"blockOwnerDeletion\":true}],\"uid\":\"" + std::string(object_uid) + "\"}}";
}
inline std::string release_patch(std::string_view owner_uid, std::string_view object_uid) {
  return "{\"metadata\":{\"ownerReferences\":[{\"$patch\":\"delete\",\"uid\":\"" + std::string(owner_uid) +
         "\"}],\"uid\":\"" + std::string(object_uid) + "\"}}";
}

// What `owner` owns or might adopt, from the cache: through the index of owners, and orphans by label.
template <typename Object>
Expected<std::vector<Object>> claim_candidates(const Host& host, const metav1::ObjectMeta& owner,
                                               const metav1::LabelSelector& selector) {
  auto found = host.cached_by_owner<Object>(owner.uid());
  std::erase_if(found, [&](const Object& object) {
    const auto* controller = controller_of(object.metadata());
    return controller == nullptr || controller->uid() != owner.uid();
  });
  auto matching = host.cached_list<Object>(owner.namespace_(), selector_text(selector));
  if (!matching) return std::move(matching).error();
  for (auto& object : *matching) {
    if (controller_of(object.metadata()) == nullptr) found.push_back(std::move(object));
  }
  return found;
}

template <typename Owner, typename Object>
class Claim {
 public:
  Claim(const Host& host, const Owner& owner, metav1::OwnerReference reference, const metav1::LabelSelector& selector)
      : host_(host), owner_(owner), reference_(std::move(reference)), selector_(selector) {}

  // Keeps what the owner has and what it could adopt, and lets go of what no longer matches. All are tried; the first
  // failure is returned.
  Expected<std::vector<Object>> run(std::vector<Object> candidates) {
    std::vector<Object> claimed;
    Status first;
    for (auto& object : candidates) {
      auto ours = claim_one(object);
      if (!ours) {
        if (first.ok()) first = ours.error();
      } else if (*ours) {
        claimed.push_back(std::move(object));
      }
    }
    if (!first.ok()) return first;
    return claimed;
  }

 private:
  Expected<bool> claim_one(Object& object) {
    const auto& meta = object.metadata();
    const auto* controller = controller_of(meta);
    const bool matches = selector_matches(selector_, meta.labels());
    const bool owner_goes = owner_.metadata().has_deletion_timestamp();
    if (controller != nullptr) {
      if (controller->uid() != reference_.uid()) return false;
      if (matches) return true;
      return owner_goes ? Expected<bool>(false) : release(meta);
    }
    if (owner_goes || !matches || meta.has_deletion_timestamp()) return false;
    return adopt(object);
  }

  Expected<bool> adopt(Object& object) {
    if (!rechecked_) rechecked_ = recheck();
    if (!rechecked_->ok()) return *rechecked_;
    auto patched = host_.template patch<Object>(object.metadata().namespace_(), object.metadata().name(),
                                                adoption_patch(reference_, object.metadata().uid()),
                                                ApiRequest::STRATEGIC_MERGE_PATCH);
    if (!patched) {
      if (patched.error().code() == 404) return false;
      return std::move(patched).error();
    }
    object = std::move(*patched);
    return true;
  }

  Expected<bool> release(const metav1::ObjectMeta& meta) {
    const auto patched = host_.template patch<Object>(
        meta.namespace_(), meta.name(), release_patch(reference_.uid(), meta.uid()), ApiRequest::STRATEGIC_MERGE_PATCH);
    // Gone, or no longer ours: as wanted.
    if (!patched && patched.error().code() != 404 && patched.error().code() != 422) return patched.error();
    return false;
  }

  // The cache may not know yet that the owner is being deleted or was replaced: ask before taking orphans.
  Status recheck() const {
    const auto& meta = owner_.metadata();
    const auto fresh = host_.template get_object<Owner>(meta.namespace_(), meta.name());
    const std::string what = reference_.kind() + " " + meta.namespace_() + "/" + meta.name();
    if (!fresh) return Status(fresh.error()).in("can't recheck DeletionTimestamp");
    if (fresh->metadata().uid() != meta.uid()) {
      return Status::conflict("can't recheck DeletionTimestamp: original " + what + " is gone: got uid " +
                              fresh->metadata().uid() + ", wanted " + meta.uid());
    }
    if (fresh->metadata().has_deletion_timestamp()) return Status::conflict(what + " has just been deleted");
    return {};
  }

  const Host& host_;
  const Owner& owner_;
  const metav1::OwnerReference reference_;
  const metav1::LabelSelector& selector_;
  std::optional<Status> rechecked_;
};

}  // namespace gantry::sdk
