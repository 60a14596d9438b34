// How many pods the controllers of pods are meant to have: from the caches for the kinds that most pods have, by the
// scale subresource for all others.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "gantry/host.hpp"
#include "gantry/ownership.hpp"

namespace gantry::disruption {

struct Scale {
  std::string uid;  // of whose scale it is: for a ReplicaSet of a Deployment, the Deployment
  int32_t replicas = 0;
};

// Where objects of other kinds have their scale. Lives as long as the controller; any thread.
class ScaleResources {
 public:
  struct Resource {
    std::string version, name;
  };
  // An error names the kind when nobody serves it, or when it has no scale. Asks the server once for each kind that
  // has. [worker]
  Expected<Resource> find(const sdk::Host& host, const sdk::GroupVersion& at, const std::string& kind);
  // It was not there any more.
  void forget(const sdk::GroupVersion& at, const std::string& kind);

 private:
  using Key = std::pair<std::string, std::string>;  // group, kind
  std::mutex mutex_;
  std::map<Key, Resource> known_;
};

// The scale of a pod's controller, or none when there is no such controller. [worker]
Expected<std::optional<Scale>> find_scale(const sdk::Host& host, ScaleResources& resources, const std::string& ns,
                                          const metav1::OwnerReference& controller);

}  // namespace gantry::disruption
