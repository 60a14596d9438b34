// What pods of hollow nodes are said to use, as their kubelets would measure it: every 15 s a PodMetrics of each
// running pod that has an annotation of it. Costs nothing while no pod has.
//
// follow and forget are called where a pod is looked at, play on one worker at a time. [worker]
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "behaviour.hpp"
#include "gantry/host.hpp"
#include "hollow_pod.hpp"
#include "k8s.io/metrics/pkg/apis/metrics/v1beta1/usage.pb.h"

namespace gantry::sim {

class UsagePlayer {
 public:
  // `begin`: play() is to be called soon.
  UsagePlayer(sdk::Host host, std::function<void()> begin) : host_(host), begin_(std::move(begin)) {}

  // The pod is as `hollow` has it now.
  void follow(const corev1::Pod& pod, const Behaviour& behaviour, const HollowPod& hollow);
  void forget(const std::string& ns, const std::string& name);
  // Writes all that is known; answers when to come again, in ms (0: nothing is left to play, begin says when).
  Expected<int64_t> play();

 private:
  using PodMetrics = k8s::io::metrics::pkg::apis::metrics::v1beta1::PodMetrics;
  Status write(const std::vector<PodMetrics>& all) const;

  const sdk::Host host_;
  const std::function<void()> begin_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, PodMetrics> pods_;  // by namespace and name, without times
  bool playing_ = false;
};

}  // namespace gantry::sim
