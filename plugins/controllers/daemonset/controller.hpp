// The DaemonSet controller: hands each set to a Sync, and finds the sets that a node's change concerns.
//
// reconcile runs on the host's workers; map on any thread. Changes of nodes are gathered until a worker looks at them
// all at once, under a key that is no set's: so that a set is decoded once for many nodes, and none is looked at that a
// node does not concern.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "failed_pods.hpp"
#include "gantry/controller.hpp"
#include "k8s.io/api/apps/v1/controller_revision.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "nodes.hpp"

namespace gantry::daemonset {

class DaemonSetController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
  void map(const abi::ObjectEvent& event, const Emit& emit) override;
  Status configure() override;

 private:
  struct Change {
    std::optional<Node> before, now;  // before: when it was last looked at, if that is known
  };
  using Changes = std::unordered_map<std::string, Change>;  // by the node's name
  void look_at_nodes();
  bool concerns(const Changes& changes, const DaemonSet& set) const;
  bool has_pod_on(const DaemonSet& set, const std::string& node) const;

  int64_t workers_ = 2;
  int64_t burst_ = 250;
  FailedPods failed_;
  std::mutex mutex_;
  Changes changes_;
  bool unknown_ = true;  // what another instance was told of nodes is not known here
};

}  // namespace gantry::daemonset
