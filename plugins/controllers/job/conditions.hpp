// A Job's conditions. Unlike meta.v1.Condition, a change of reason or message alone is a transition, too. Pure, any
// thread.
#pragma once

#include <cstdint>
#include <string>

#include "k8s.io/api/batch/v1/job.pb.h"

namespace gantry::job {

// How a Job ends, or begins to.
struct Verdict {
  std::string type, reason, message;
};

batchv1::JobCondition make_condition(const Verdict& verdict, const char* status, int64_t now_ns);

// Makes the condition of this type say this; true when it did not. What is not there does not become "False".
bool put_condition(batchv1::JobStatus& job, const Verdict& verdict, const char* status, int64_t now_ns);

// The condition as a verdict, when it is true; null type: it is not.
Verdict verdict_of(const batchv1::JobStatus& job, const char* type);

}  // namespace gantry::job
