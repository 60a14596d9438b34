// A Job's pods, as the cache has them: claimed, and what a run asks about each worked out once. [worker]
//
// Pods that were counted stay beside the Job for as long as it is there, and may be ten thousand. What is over and has
// no tracking finalizer any more is therefore passed over by a look at its bytes, and not decoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/host.hpp"
#include "k8s.io/api/batch/v1/job.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "policies.hpp"

namespace gantry::job {

inline constexpr char kApiVersion[] = "batch/v1";
inline constexpr char kGroup[] = "batch";
inline constexpr char kKind[] = "Job";
// While a pod has it, it is not in the Job's counts.
inline constexpr char kTracking[] = "batch.kubernetes.io/job-tracking";
inline constexpr char kIndex[] = "batch.kubernetes.io/job-completion-index";  // a label and an annotation
inline constexpr char kIndexFailures[] = "batch.kubernetes.io/job-index-failure-count";
inline constexpr char kIndexIgnored[] = "batch.kubernetes.io/job-index-ignored-failure-count";
inline constexpr int64_t kNoIndex = -1;

struct JobPod {
  corev1::Pod pod;
  int64_t index = kNoIndex;
  bool tracked = false;    // has the finalizer
  bool succeeded = false;  // is over, and well
  bool failed = false;     // is over, or counts as if it were
  PolicyMatch match;       // of a failed one

  const std::string& uid() const { return pod.metadata().uid(); }
};

bool is_indexed(const batchv1::Job& job);
bool is_finished(const batchv1::Job& job);
// Somebody else's, who is named in spec.managedBy.
bool is_managed_elsewhere(const batchv1::Job& job);
// A pod is replaced when it is over, not as soon as it is being deleted.
bool replaces_only_failed(const batchv1::Job& job);

JobPod describe(const batchv1::Job& job, corev1::Pod pod);
// The number in an annotation; 0 where there is none, or no int32.
int32_t count_in(const corev1::Pod& pod, const char* annotation);

// Adopts and lets go as needed; each adopted pod is tracked. `all`: those that are over and counted, too.
Expected<std::vector<JobPod>> claim_pods(const sdk::Host& host, const batchv1::Job& job, bool all);

// Of an encoded pod, without decoding it.
bool is_over_and_counted(std::string_view pod);

}  // namespace gantry::job
