// What the tests of StatefulSets share: sets, how they are doing, and the order in which their pods came.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "k8s.io/api/apps/v1/controller_revision.pb.h"
#include "k8s.io/api/apps/v1/stateful_set.pb.h"
#include "k8s.io/api/core/v1/persistent_volume_claim.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {

using appsv1::ControllerRevision;
using appsv1::StatefulSet;
using corev1::PersistentVolumeClaim;
using ClaimObjects = View<PersistentVolumeClaim>::Objects;

inline StatefulSet make_stateful(const std::string& name, int32_t replicas,
                                 const std::string& policy = "OrderedReady") {
  StatefulSet set;
  set.mutable_metadata()->set_name(name);
  auto& spec = *set.mutable_spec();
  spec.set_replicas(replicas);
  spec.set_service_name(name);
  spec.set_pod_management_policy(policy);
  (*spec.mutable_selector()->mutable_match_labels())["app"] = name;
  fill_template(*spec.mutable_template_(), name, "web:1");
  return set;
}

inline void add_claim(StatefulSet& set, const std::string& name) {
  auto& claim = *set.mutable_spec()->add_volume_claim_templates();
  claim.mutable_metadata()->set_name(name);
  claim.mutable_spec()->add_access_modes("ReadWriteOnce");
  (*claim.mutable_spec()->mutable_resources()->mutable_requests())["storage"].set_string("1Gi");
}

inline std::string status_text(const StatefulSet& set) {
  const auto& status = set.status();
  return "observed " + std::to_string(status.observed_generation()) + ", " + std::to_string(status.replicas()) +
         " pods, " + std::to_string(status.ready_replicas()) + " ready, " + std::to_string(status.current_replicas()) +
         " current (" + status.current_revision() + "), " + std::to_string(status.updated_replicas()) + " updated (" +
         status.update_revision() + ")";
}

// The end of a rollout as `kubectl rollout status` sees it, and what it does not ask for.
inline bool is_settled(const StatefulSet& set) {
  const auto& status = set.status();
  const int32_t wanted = set.spec().replicas();
  return status.observed_generation() >= set.metadata().generation() && status.replicas() == wanted &&
         status.ready_replicas() == wanted && status.available_replicas() == wanted &&
         status.updated_replicas() == wanted && status.current_replicas() == wanted &&
         status.current_revision() == status.update_revision();
}

struct StatefulSets : Workloads {
  void SetUp() override { begin({"statefulset", "garbage-collector"}); }
  void begin(std::vector<std::string> plugins) {
    start({.plugins = std::move(plugins)});
    nodes = std::make_unique<FakeNodes>(*plane);
    sets = std::make_unique<View<StatefulSet>>(*plane);
    pods = std::make_unique<View<Pod>>(*plane);
    claims = std::make_unique<View<PersistentVolumeClaim>>(*plane);
  }
  void TearDown() override {
    claims.reset();
    pods.reset();
    sets.reset();
    nodes.reset();
    plane.reset();
  }
  bool wait_for(const std::string& name, std::function<bool(const StatefulSet&)> check) {
    return sets->wait([&](const auto& all) {
      const auto it = all.find(name);
      return it != all.end() && check(it->second);
    });
  }
  void complete(const std::string& name) {
    const auto wanted = must(plane->get<StatefulSet>(name)).metadata().generation();
    ASSERT_TRUE(wait_for(name, [&](const StatefulSet& set) {
      return set.metadata().generation() >= wanted && is_settled(set);
    })) << status_text(must(plane->get<StatefulSet>(name)));
  }
  bool wait_pods(std::function<bool(const Pods&)> check) { return pods->wait(check); }
  std::vector<int64_t> history() {
    std::vector<int64_t> numbers;
    for (const auto& revision : plane->list<ControllerRevision>()) numbers.push_back(revision.revision());
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }
  static Pod with_name(Pod pod, const std::string& name) {
    pod.mutable_metadata()->set_name(name);
    return pod;
  }
  static bool is_owned(const Pods& all, const std::string& name) {
    const auto it = all.find(name);
    return it != all.end() && sdk::controller_of(it->second.metadata()) != nullptr;
  }
  static std::string image(const Pods& all, const std::string& name) {
    const auto it = all.find(name);
    return it == all.end() ? "(none)" : image_of(it->second);
  }
  // Not ready as long as the test says so.
  void break_pod(const std::string& name) {
    nodes->set_policy([name](const Pod& pod) { return pod.metadata().name() == name ? Fate::kRunning : Fate::kReady; });
  }
  void mend_pods() { nodes->set_policy(nullptr); }

  std::unique_ptr<FakeNodes> nodes;
  std::unique_ptr<View<StatefulSet>> sets;
  std::unique_ptr<View<Pod>> pods;
  std::unique_ptr<View<PersistentVolumeClaim>> claims;
};

// Of every moment: which pod was there when those before it were not ready.
class OrderWatch {
 public:
  explicit OrderWatch(TestPlane& plane) : view_(plane, [this](const Pods& all) { look(all); }) {}
  std::string broken() const {
    const std::lock_guard lock(mutex_);
    return broken_;
  }

 private:
  void look(const Pods& all) {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, pod] : all) {
      if (!seen_.insert(pod.metadata().uid()).second) continue;
      const auto dash = name.rfind('-');
      for (int i = 0; i < std::stoi(name.substr(dash + 1)); ++i) {
        const auto before = all.find(name.substr(0, dash + 1) + std::to_string(i));
        if (before == all.end() || !sdk::is_ready(before->second)) broken_ += name + " ";
      }
    }
  }
  mutable std::mutex mutex_;
  std::set<std::string> seen_;
  std::string broken_;
  View<Pod> view_;  // last: it calls look()
};

}  // namespace gantry::integration
