// The controller of a kind that keeps a number of equal pods: compares what an object wants with its pods, and creates,
// deletes, adopts and reports. ReplicaSet and ReplicationController are it, each with its own words.
//
// Stateless between reconciles: the host keeps caches and queue, and holds an object back until its own writes are seen
// (wait_own_writes), so that no pod is made twice. reconcile runs on the host's workers.
#pragma once

#include <functional>
#include <iterator>
#include <utility>
#include <vector>

#include "gantry/claims.hpp"
#include "gantry/controller.hpp"
#include "gantry/pods.hpp"
#include "gantry/replica_status.hpp"
#include "gantry/writes.hpp"

namespace gantry::sdk {

// One object that wants pods, whichever its kind. Borrows.
struct ReplicaOwner {
  const metav1::ObjectMeta& meta;
  std::string_view api_version, kind;
  const corev1::PodTemplateSpec& from;
  int64_t wanted;
};

// Creates what is missing, or deletes what is too much, at most `burst` pods. `related`: the pods of all that the same
// owner has, asked for where some of `active` are to be chosen. [worker]
Status manage_replicas(const Host& host, const ReplicaOwner& owner, const std::vector<corev1::Pod>& active,
                       int64_t burst, const std::function<std::vector<corev1::Pod>()>& related);

// `Kind` has the type Owner, the words kName (of the controller), kGroup, kApiVersion and kKind, the numbers
// kSelectorPath (see Controller::owned), and `selector(owner)`, a metav1.LabelSelector.
template <typename Kind>
class ReplicaController : public Controller {
 public:
  using Controller::Controller;
  using Owner = typename Kind::Owner;

  abi::ControllerSpec spec() const override {
    auto spec = watching<Owner>(Kind::kName);
    auto& pods = owned<corev1::Pod>(spec, Kind::kGroup, Kind::kKind);
    for (const int number : Kind::kSelectorPath) pods.add_owner_selector(number);
    spec.set_workers(static_cast<int32_t>(workers_));
    spec.set_wait_own_writes(true);
    return spec;
  }

  Expected<Result> reconcile(const Key& key) override {
    auto owner = host().template cached<Owner>(key.ns, key.name);
    if (!owner) return Result{};
    auto pods = claim_pods(*owner);
    if (!pods) return std::move(pods).error();
    Status managed;
    if (!owner->metadata().has_deletion_timestamp()) managed = manage(*owner, pods->active);
    const int64_t now = host().now_unix_ns();
    auto status = next_replica_status(*owner, {pods->active, pods->terminating, managed, now});
    const bool some_wait = status.ready_replicas() != status.available_replicas();
    const int32_t min_ready = owner->spec().min_ready_seconds();
    if (!same_replica_status(owner->status(), status)) {
      auto written = write_status(host(), std::move(*owner), std::move(status));
      if (!written.ok()) return written;
    }
    if (!managed.ok()) return managed;
    return Result{some_wait ? next_availability_ms(pods->active, min_ready, now) : 0};
  }

 protected:
  Status take(const Expected<int64_t>& workers, const Expected<int64_t>& burst) {
    if (!workers) return workers.error();
    if (!burst) return burst.error();
    if (*workers < 1 || *burst < 1) return Status::invalid("workers and burst_replicas must be at least 1");
    workers_ = *workers;
    burst_ = *burst;
    return {};
  }

  int64_t workers_ = 5;
  int64_t burst_ = 500;

 private:
  struct Pods {
    std::vector<corev1::Pod> active;
    size_t terminating = 0;
  };

  Expected<Pods> claim_pods(const Owner& owner) const {
    const metav1::LabelSelector& selector = Kind::selector(owner);
    auto all = claim_candidates<corev1::Pod>(host(), owner.metadata(), selector);
    if (!all) return std::move(all).error();
    Pods pods;
    std::vector<corev1::Pod> active;
    for (auto& pod : *all) {
      if (is_active(pod)) {
        active.push_back(std::move(pod));
      } else if (is_terminating(pod) && controller_of(pod.metadata()) != nullptr &&
                 selector_matches(selector, pod.metadata().labels())) {
        ++pods.terminating;
      }
    }
    auto claimed = claim(host(), owner, controller_reference(owner.metadata(), Kind::kApiVersion, Kind::kKind),
                         selector, std::move(active));
    if (!claimed) return std::move(claimed).error();
    pods.active = std::move(*claimed);
    return pods;
  }

  Status manage(const Owner& owner, const std::vector<corev1::Pod>& active) const {
    const auto& spec = owner.spec();
    return manage_replicas(host(),
                           {owner.metadata(), Kind::kApiVersion, Kind::kKind, spec.template_(), spec.replicas()},
                           active, burst_, [&] { return related_pods(owner, active); });
  }

  // The pods of everything of the kind that the same owner (a Deployment) has, this one's included, which are known.
  std::vector<corev1::Pod> related_pods(const Owner& of, const std::vector<corev1::Pod>& own) const {
    const auto* owner = controller_of(of.metadata());
    if (owner == nullptr) return {};
    auto pods = own;
    for (const auto& sibling : host().template cached_by_owner<Owner>(owner->uid())) {
      if (sibling.metadata().uid() == of.metadata().uid()) continue;
      auto found = host().template cached_by_index<corev1::Pod>("metadata.controller", sibling.metadata().uid());
      if (found) std::move(found->begin(), found->end(), std::back_inserter(pods));
    }
    return pods;
  }
};

}  // namespace gantry::sdk
