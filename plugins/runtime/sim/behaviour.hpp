// What a pod is to do: the settings, overruled by the pod's annotations sim.gantry.dev/*. Pure.
//
// An annotation that cannot be read counts as absent: a typing error must not keep a pod from running.
#pragma once

#include "k8s.io/api/core/v1/pod.pb.h"
#include "settings.hpp"

namespace gantry::sim {

struct Behaviour {
  Timing timing;
  int64_t run_for = -1;  // containers end by themselves after this long; -1: never
  int32_t exit_code = 0;
  int64_t init_run_for = 0;  // init containers do, always
  int32_t init_exit_code = 0;
  bool ready = true;                  // what a readiness probe would find
  int64_t cpu_milli = 0, memory = 0;  // what each of its containers uses, in thousandths of a core and in bytes
  bool uses_something() const { return cpu_milli > 0 || memory > 0; }
};

Behaviour behaviour_of(const corev1::Pod& pod, const Timing& usual);

}  // namespace gantry::sim
