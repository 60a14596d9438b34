// What a Job's podFailurePolicy says of a failed pod, and its successPolicy of the indexes that succeeded. Pure, any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "index_set.hpp"
#include "k8s.io/api/batch/v1/job_spec.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::job {

struct PolicyMatch {
  enum class Action : uint8_t { kNone, kIgnore, kCount, kFailIndex, kFailJob };
  Action action = Action::kNone;
  std::string message;  // of kFailJob: which rule, and why

  // Towards backoffLimit, and the index' own.
  bool counts() const { return action != Action::kIgnore; }
};

// The first rule that applies. A Job without a policy, and a pod that none is about: kNone.
PolicyMatch match_failure_policy(const batchv1::JobSpec& spec, const corev1::Pod& failed);

// Which rule is met, in upstream's words; none: none is.
std::optional<std::string> match_success_policy(const batchv1::JobSpec& spec, const IndexSet& succeeded);

}  // namespace gantry::job
