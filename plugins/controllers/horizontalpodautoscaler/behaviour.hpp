// How fast a number of replicas may change: bounds, policies and stabilization of an autoscaler's spec, over what was
// recommended and done lately. Upstream's rules, of autoscaling/v2 with and without `behavior`.
//
// History is one autoscaler's, kept in memory alone, as upstream's: after a restart it begins with the present number.
// Bounded by the longest window. Used under the controller's lock; times are passed in.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "k8s.io/api/autoscaling/v2/horizontal_pod_autoscaler.pb.h"
#include "replica_math.hpp"

namespace gantry::autoscaler {

struct Bounds {
  int32_t least = 1, most = 1;
};
Bounds bounds_of(const autoscalingv2::HorizontalPodAutoscalerSpec& spec);
Tolerance tolerance_of(const autoscalingv2::HorizontalPodAutoscalerSpec& spec, double usual);

struct Decision {
  int32_t replicas = 0;
  bool stabilized = false;                  // AbleToScale's reason is one of stabilization
  std::string able_reason, able_message;    // of AbleToScale
  bool limited = false;                     // ScalingLimited
  std::string limit_reason, limit_message;  // of ScalingLimited
};

class History {
 public:
  // Before the first recommendation: the present number is one.
  void begin(int32_t replicas, int64_t now_ns);
  // What comes of a recommendation, which it notes. `window_s`: how long one waits before it shrinks where the spec
  // does not say.
  Decision decide(const autoscalingv2::HorizontalPodAutoscalerSpec& spec, int32_t current, int32_t wanted,
                  int32_t window_s, int64_t now_ns);
  // The number was changed.
  void scaled(const autoscalingv2::HorizontalPodAutoscalerSpec& spec, int32_t from, int32_t to, int64_t now_ns);

  size_t size() const { return recommended_.size() + ups_.size() + downs_.size(); }

 private:
  struct Moment {
    int32_t replicas;
    int64_t at_ns;
  };
  using Moments = std::deque<Moment>;
  static void drop_older(Moments& moments, int64_t than_ns);
  static int32_t changed_since(const Moments& moments, int64_t since_ns);
  int32_t stabilized(const autoscalingv2::HorizontalPodAutoscalerSpec& spec, int32_t current, int32_t wanted,
                     int64_t down_ns, int64_t now_ns);
  int64_t up_limit(const autoscalingv2::HPAScalingRules& rules, int32_t current, int64_t now_ns) const;
  int64_t down_limit(const autoscalingv2::HPAScalingRules& rules, int32_t current, int64_t now_ns) const;
  void limit(const autoscalingv2::HorizontalPodAutoscalerSpec& spec, int32_t current, int64_t now_ns,
             Decision& decision) const;

  Moments recommended_, ups_, downs_;  // oldest first
  bool begun_ = false;
};

}  // namespace gantry::autoscaler
