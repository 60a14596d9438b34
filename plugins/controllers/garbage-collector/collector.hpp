// The garbage collector as a controller: events of all resources become keys, keys become verdicts.
//
// Keys are of three forms: an object to look at, a uid that is gone (its dependents are looked at), and an owner that
// lost or changed a dependent (looked at when it waits for its dependents). Threads: as sdk::Controller says.
#pragma once

#include <string>

#include "absent_owners.hpp"
#include "gantry/controller.hpp"
#include "objects.hpp"
#include "resource_map.hpp"
#include "verdict.hpp"

namespace gantry::garbage_collector {

class Collector : public sdk::Controller {
 public:
  explicit Collector(sdk::Host host) : Controller(host), resources_(host), objects_(host) {}

  abi::ControllerSpec spec() const override;
  void map(const abi::ObjectEvent& event, const Emit& emit) override;
  Expected<Result> reconcile(const Key& key) override;

 private:
  Status look_at(const ObjectId& id);
  Status look_at_dependents(const std::string& ns, const std::string& uid);
  Status wake_owner(const std::string& ns, const metav1::OwnerReference& owner);

  // An object that is being deleted.
  Status wait_for_dependents(const ObjectId& id, const Meta& meta);
  Status orphan_dependents(const ObjectId& id, const Meta& meta);
  Status orphan(Dependent dependent, const std::string& owner_uid);
  Status remove_finalizer(const ObjectId& id, const std::string& uid, std::string_view finalizer);

  // One that is not, but perhaps should be.
  bool owners_stand(const ObjectId& id, const Meta& meta);
  Status decide(const ObjectId& id, const std::string& uid);
  Status remove_in_foreground(const ObjectId& id, Meta meta, const std::vector<Dependent>& dependents);
  struct Sorted {
    Owners owners;
    bool impossible = false;  // a cluster-wide object with an owner in a namespace: nobody can judge that
  };
  Expected<Sorted> sort_owners(const ObjectId& id, const Meta& meta);
  Status sort_owner(const ObjectId& id, const Meta& meta, const metav1::OwnerReference& owner, Sorted& out);
  bool lies_elsewhere(const Resource& resource, const metav1::OwnerReference& owner, const std::string& ns) const;
  void warn_namespace(const ObjectId& id, const Meta& meta, const metav1::OwnerReference& owner);
  void enqueue(const ObjectId& id, int64_t delay_ms = 0) const;

  ResourceMap resources_;
  Objects objects_;
  AbsentOwners absent_;
};

}  // namespace gantry::garbage_collector
