// The object whose number of replicas is kept: its scale, whatever kind it is. Which resource a kind is, the server
// says; asked once, and again when a kind is not among those known. [worker], any of them.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gantry/discovery.hpp"
#include "gantry/host.hpp"
#include "k8s.io/api/autoscaling/v1/scale.pb.h"
#include "k8s.io/api/autoscaling/v2/metric.pb.h"

namespace gantry::autoscaler {

using Reference = autoscalingv2::CrossVersionObjectReference;

class Targets {
 public:
  explicit Targets(sdk::Host host) : host_(host) {}

  struct Target {
    sdk::ServedResource resource;
    autoscalingv1::Scale scale;
  };
  Expected<Target> get(const std::string& ns, const Reference& reference);
  Status set(const std::string& ns, const Target& target) const;

 private:
  using Kind = std::pair<std::string, std::string>;  // group, kind
  Expected<sdk::ServedResource> resource_of(const Reference& reference);
  Status discover();

  const sdk::Host host_;
  std::mutex mutex_;
  std::map<Kind, sdk::ServedResource> known_;
  int64_t asked_ns_ = 0;  // when it was not known last
};

}  // namespace gantry::autoscaler
