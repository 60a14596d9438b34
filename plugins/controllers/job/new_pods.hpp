// The pods that a Job makes: its template, tracked, and for an index with what tells the pod which one it is. Pure, any
// thread.
#pragma once

#include <cstdint>

#include "job_pods.hpp"

namespace gantry::job {

class NewPods {
 public:
  explicit NewPods(const batchv1::Job& job);

  const corev1::Pod& any() const { return pod_; }
  // For an index. `replaced`: the failed pod of the index that it follows, or null; it matters with
  // backoffLimitPerIndex.
  corev1::Pod at(int64_t index, const JobPod* replaced) const;

 private:
  const batchv1::Job& job_;
  corev1::Pod pod_;
};

}  // namespace gantry::job
