// What a Deployment's status says of its sets and of the rollout's progress. Pure, any thread.
#pragma once

#include <cstdint>

#include "conditions.hpp"
#include "replica_sets.hpp"
#include "rollout_math.hpp"

namespace gantry::deployment {

bool has_progress_deadline(const Deployment& deployment);
bool has_history_limit(const Deployment& deployment);

// Counts and the Available condition. `fresh` may be null; `all` includes it.
DeploymentStatus counted_status(const Deployment& deployment, const Limits& limits, const Sets& all,
                                const ReplicaSet* fresh, int64_t now_ns);

// That, and what a rollout says: Progressing by progress, completion and deadline; the sets' own failures.
DeploymentStatus rollout_status(const Deployment& deployment, const Limits& limits, const Sets& all,
                                const ReplicaSet* fresh, int64_t now_ns);

bool same_status(const DeploymentStatus& a, const DeploymentStatus& b);

// Every wanted pod is of the current template and available, and no other exists.
bool is_complete(const Deployment& deployment, const DeploymentStatus& status);
bool has_progressed(const DeploymentStatus& before, const DeploymentStatus& now);
bool has_timed_out(const Deployment& deployment, const DeploymentStatus& status, int64_t now_ns);

// When to look whether the deadline has passed, should nothing else happen; 0: no need.
int64_t next_progress_check_ms(const Deployment& deployment, int64_t now_ns);

}  // namespace gantry::deployment
