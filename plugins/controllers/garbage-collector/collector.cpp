#include "collector.hpp"

#include <algorithm>
#include <array>

#include "gantry/refusals.hpp"
#include "k8s.io/api/core/v1/namespace.pb.h"

namespace gantry::garbage_collector {
namespace {

using abi::ObjectEvent;

constexpr char kSeparator = '|';
constexpr std::string_view kObject = "object", kGone = "gone", kOwner = "owner";
// Owners wait for many dependents that go at about the same time: one look for all of them.
constexpr int64_t kGatherMs = 10;
constexpr int kOrphanTries = 5;

// The last part takes what is left, so that it may hold the separator.
template <size_t Count>
std::array<std::string, Count> split(std::string_view text) {
  std::array<std::string, Count> parts;
  for (size_t i = 0; i + 1 < Count; ++i) {
    const size_t at = std::min(text.find(kSeparator), text.size());
    parts[i] = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  parts[Count - 1] = text;
  return parts;
}

std::string join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const auto part : parts) {
    if (!out.empty()) out += kSeparator;
    out.append(part);
  }
  return out;
}

std::string object_key(std::string_view group, std::string_view version, std::string_view resource,
                       std::string_view name) {
  return join({kObject, group, version, resource, name});
}

std::string owner_key(const metav1::OwnerReference& owner) {
  return join({kOwner, owner.api_version(), owner.kind(), owner.uid(), owner.name()});
}

Meta parse(const std::string& bytes) {
  // What does not parse has no owners and no finalizers: nothing to do about it.
  return sdk::metadata_of(bytes).value_or(Meta());
}

bool concerns_us(const Meta& meta) {
  if (!meta.has_deletion_timestamp()) return meta.owner_references_size() > 0;
  return has_finalizer(meta, kForegroundFinalizer) || has_finalizer(meta, kOrphanFinalizer);
}

template <typename List>
bool same_messages(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& left, const auto& right) {
    return left.SerializeAsString() == right.SerializeAsString();
  });
}

bool same_owners(const Meta& a, const Meta& b) { return same_messages(a.owner_references(), b.owner_references()); }

bool same_for_us(const Meta& a, const Meta& b) {
  return a.uid() == b.uid() && a.has_deletion_timestamp() == b.has_deletion_timestamp() && same_owners(a, b) &&
         std::equal(a.finalizers().begin(), a.finalizers().end(), b.finalizers().begin(), b.finalizers().end());
}

}  // namespace

abi::ControllerSpec Collector::spec() const {
  abi::ControllerSpec spec;
  spec.set_name("garbage-collector");
  spec.set_watch_all_resources(true);
  auto& all = *spec.mutable_all();
  all.set_mapping(abi::WatchSpec::CUSTOM);
  for (const auto interest : {abi::WatchSpec::GONE, abi::WatchSpec::OWNERS, abi::WatchSpec::DELETION}) {
    all.add_interests(interest);
  }
  spec.set_workers(4);
  return spec;
}

void Collector::map(const ObjectEvent& event, const Emit& emit) {
  resources_.saw(event.group(), event.resource());
  const Meta now = parse(event.object());
  const auto emit_owners = [&](const Meta& meta) {
    for (const auto& owner : meta.owner_references()) emit(meta.namespace_(), owner_key(owner));
  };
  if (event.type() == ObjectEvent::DELETED) {
    emit(now.namespace_(), join({kGone, now.uid()}));
    emit_owners(now);
    return;
  }
  if (event.has_previous()) {
    const Meta before = parse(event.previous());
    if (same_for_us(now, before)) return;
    if (before.uid() != now.uid()) emit(now.namespace_(), join({kGone, before.uid()}));
    if (!same_owners(now, before)) emit_owners(before);
  }
  if (concerns_us(now)) {
    emit(now.namespace_(), object_key(event.group(), event.version(), event.resource(), now.name()));
  }
}

Expected<sdk::Controller::Result> Collector::reconcile(const Key& key) {
  const auto form = split<2>(key.name);
  Status done;
  if (form[0] == kObject) {
    auto parts = split<4>(form[1]);
    done = look_at({parts[0], parts[1], parts[2], key.ns, parts[3]});
  } else if (form[0] == kGone) {
    done = look_at_dependents(key.ns, form[1]);
  } else if (form[0] == kOwner) {
    auto parts = split<4>(form[1]);
    metav1::OwnerReference owner;
    owner.set_api_version(parts[0]);
    owner.set_kind(parts[1]);
    owner.set_uid(parts[2]);
    owner.set_name(parts[3]);
    done = wake_owner(key.ns, owner);
  }
  if (!done.ok()) return done;
  return Result{};
}

void Collector::enqueue(const ObjectId& id, int64_t delay_ms) const {
  const auto key = object_key(id.group, id.version, id.resource, id.name);
  if (delay_ms > 0) {
    host().enqueue_after(id.ns, key, delay_ms);
  } else {
    host().enqueue(id.ns, key);
  }
}

Status Collector::look_at(const ObjectId& id) {
  const auto meta = objects_.cached(id);
  if (!meta) return {};
  if (meta->has_deletion_timestamp()) {
    if (has_finalizer(*meta, kOrphanFinalizer)) return orphan_dependents(id, *meta);
    if (has_finalizer(*meta, kForegroundFinalizer)) return wait_for_dependents(id, *meta);
    return {};
  }
  if (meta->owner_references_size() == 0 || owners_stand(id, *meta)) return {};
  return decide(id, meta->uid());
}

Status Collector::look_at_dependents(const std::string& ns, const std::string& uid) {
  const auto resources = resources_.all();
  if (!resources) return resources.error();
  for (const auto& dependent : objects_.dependents(**resources, ns, uid)) enqueue(dependent.id);
  return {};
}

Status Collector::wake_owner(const std::string& ns, const metav1::OwnerReference& owner) {
  const auto resource = resources_.find(owner.api_version(), owner.kind());
  if (!resource) return resource.error().code() == 404 ? Status() : resource.error();
  const ObjectId id{resource->group, resource->version, resource->name, resource->namespaced ? ns : std::string(),
                    owner.name()};
  const auto meta = objects_.cached(id);
  if (meta && meta->uid() == owner.uid() && waits_for_dependents(*meta)) enqueue(id, kGatherMs);
  return {};
}

Status Collector::wait_for_dependents(const ObjectId& id, const Meta& meta) {
  const auto resources = resources_.all();
  if (!resources) return resources.error();
  size_t blocking = 0;
  for (const auto& dependent : objects_.dependents(**resources, id.ns, meta.uid())) {
    if (reference_to(dependent.meta, meta.uid())->block_owner_deletion()) ++blocking;
    if (!dependent.meta.has_deletion_timestamp()) enqueue(dependent.id);
  }
  // The last of them wakes this object again.
  return blocking > 0 ? Status() : remove_finalizer(id, meta.uid(), kForegroundFinalizer);
}

// From the API and not from a cache: a dependent that was overlooked here would be deleted afterwards.
Status Collector::orphan_dependents(const ObjectId& id, const Meta& meta) {
  const auto resources = resources_.all();
  if (!resources) return resources.error();
  auto dependents = objects_.live_dependents(**resources, id.ns, meta.uid());
  if (!dependents) return std::move(dependents).error();
  for (auto& dependent : *dependents) {
    if (auto done = orphan(std::move(dependent), meta.uid()); !done.ok()) return done;
  }
  return remove_finalizer(id, meta.uid(), kOrphanFinalizer);
}

Status Collector::orphan(Dependent dependent, const std::string& owner_uid) {
  for (int tries = 1;; ++tries) {
    const auto written = objects_.write_owners(dependent.id, without_owner(dependent.meta, owner_uid));
    if (written || written.error().code() == 404) return {};
    if (written.error().code() != 409 || tries == kOrphanTries) {
      return Status(written.error()).in("orphaning " + dependent.id.text());
    }
    auto latest = objects_.get(dependent.id);
    if (!latest) return latest.error().code() == 404 ? Status() : latest.error();
    if (latest->uid() != dependent.meta.uid() || reference_to(*latest, owner_uid) == nullptr) return {};
    dependent.meta = std::move(*latest);
  }
}

Status Collector::remove_finalizer(const ObjectId& id, const std::string& uid, std::string_view finalizer) {
  auto latest = objects_.get(id);
  if (!latest) return latest.error().code() == 404 ? Status() : latest.error();
  if (latest->uid() != uid || !has_finalizer(*latest, finalizer)) return {};
  const auto written = objects_.write_finalizers(id, without_finalizer(std::move(*latest), finalizer));
  return sdk::unless_gone(written);
}

// By the caches: the everyday case, without a request. When an owner goes later, its event brings the object here
// again.
bool Collector::owners_stand(const ObjectId& id, const Meta& meta) {
  return std::all_of(meta.owner_references().begin(), meta.owner_references().end(), [&](const auto& owner) {
    const auto resource = resources_.find(owner.api_version(), owner.kind());
    if (!resource || (resource->namespaced && id.ns.empty())) return false;
    const auto found = objects_.cached({resource->group, resource->version, resource->name,
                                        resource->namespaced ? id.ns : std::string(), owner.name()});
    return found && found->uid() == owner.uid() && !waits_for_dependents(*found);
  });
}

Status Collector::decide(const ObjectId& id, const std::string& uid) {
  auto latest = objects_.get(id);
  if (!latest) return latest.error().code() == 404 ? Status() : latest.error();
  // Another one of the same name, or on its way out: its own event brings it here.
  if (latest->uid() != uid || latest->has_deletion_timestamp() || latest->owner_references_size() == 0) return {};
  const auto sorted = sort_owners(id, *latest);
  if (!sorted) return sorted.error();
  if (sorted->impossible) return {};
  const auto resources = resources_.all();
  if (!resources) return resources.error();
  std::vector<Dependent> dependents;
  if (!sorted->owners.waiting.empty()) dependents = objects_.dependents(**resources, id.ns, uid);
  switch (judge(sorted->owners, !dependents.empty())) {
    case Verdict::kKeep:
      return {};
    case Verdict::kDropReferences: {
      const auto written = objects_.write_owners(id, without_bad_owners(*latest, sorted->owners));
      return sdk::unless_gone(written);
    }
    case Verdict::kRemoveForeground:
      return remove_in_foreground(id, std::move(*latest), dependents);
    case Verdict::kRemove:
      host().debug("deletes " + id.text() + ": none of its owners is left");
      return objects_.remove(id, *latest, policy_of(*latest));
  }
  return {};
}

Status Collector::remove_in_foreground(const ObjectId& id, Meta meta, const std::vector<Dependent>& dependents) {
  const bool cycle = std::any_of(dependents.begin(), dependents.end(),
                                 [](const Dependent& dependent) { return waits_for_dependents(dependent.meta); });
  if (cycle) {
    auto written = objects_.write_owners(id, unblocked(std::move(meta)));
    if (!written) return written.error().code() == 404 ? Status() : written.error();
    meta = std::move(*written);
  }
  host().debug("deletes " + id.text() + ": its owner waits for it");
  return objects_.remove(id, meta, "Foreground");
}

Expected<Collector::Sorted> Collector::sort_owners(const ObjectId& id, const Meta& meta) {
  Sorted sorted;
  for (const auto& owner : meta.owner_references()) {
    if (auto done = sort_owner(id, meta, owner, sorted); !done.ok()) return done;
    if (sorted.impossible) break;
  }
  return sorted;
}

Status Collector::sort_owner(const ObjectId& id, const Meta& meta, const metav1::OwnerReference& owner, Sorted& out) {
  const auto resource = resources_.find(owner.api_version(), owner.kind());
  // Not "absent": the kind may come back, and its objects with it.
  if (!resource) return Status(resource.error()).in("owner of " + id.text());
  if (resource->namespaced && id.ns.empty()) {
    warn_namespace(id, meta, owner);
    out.impossible = true;
    return {};
  }
  const std::string ns = resource->namespaced ? id.ns : std::string();
  const std::string known = join({owner.uid(), ns, owner.api_version(), owner.kind(), owner.name()});
  if (absent_.contains(known)) {
    out.owners.dangling.push_back(owner.uid());
    return {};
  }
  const auto found = objects_.get({resource->group, resource->version, resource->name, ns, owner.name()});
  if (!found && found.error().code() != 404) return found.error();
  if (!found || found->uid() != owner.uid()) {
    if (resource->namespaced && lies_elsewhere(*resource, owner, ns)) warn_namespace(id, meta, owner);
    absent_.add(known);
    out.owners.dangling.push_back(owner.uid());
  } else if (waits_for_dependents(*found)) {
    out.owners.waiting.push_back(owner.uid());
  } else {
    out.owners.solid.push_back(owner.uid());
  }
  return {};
}

bool Collector::lies_elsewhere(const Resource& resource, const metav1::OwnerReference& owner,
                               const std::string& ns) const {
  const auto namespaces = host().cached_list<corev1::Namespace>("");
  if (!namespaces) return false;
  return std::any_of(namespaces->begin(), namespaces->end(), [&](const corev1::Namespace& other) {
    const auto& there = other.metadata().name();
    if (there == ns) return false;
    const auto found = objects_.cached({resource.group, resource.version, resource.name, there, owner.name()});
    return found && found->uid() == owner.uid();
  });
}

void Collector::warn_namespace(const ObjectId& id, const Meta& meta, const metav1::OwnerReference& owner) {
  const auto resources = resources_.all();
  if (!resources) return;
  const auto kind = std::find_if((*resources)->begin(), (*resources)->end(), [&](const Resource& resource) {
    return resource.group == id.group && resource.name == id.resource;
  });
  if (kind == (*resources)->end()) return;
  metav1::PartialObjectMetadata child;
  *child.mutable_metadata() = meta;
  host().event(
      child, (id.group.empty() ? "" : id.group + "/") + id.version, kind->kind, "Warning", "OwnerRefInvalidNamespace",
      "ownerRef [" + owner.api_version() + "/" + owner.kind() + ", namespace: " + id.ns + ", name: " + owner.name() +
          ", uid: " + owner.uid() + "] does not exist in namespace \"" + id.ns + "\"");
}

}  // namespace gantry::garbage_collector
