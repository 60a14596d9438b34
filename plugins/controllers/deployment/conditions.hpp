// A Deployment's conditions: their names and reasons, and how one is set. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/conditions.hpp"
#include "k8s.io/api/apps/v1/deployment.pb.h"

namespace gantry::deployment {

using appsv1::DeploymentCondition;
using appsv1::DeploymentStatus;

inline constexpr char kAvailable[] = "Available";
inline constexpr char kProgressing[] = "Progressing";
inline constexpr char kReplicaFailure[] = "ReplicaFailure";

inline constexpr char kEnoughAvailable[] = "MinimumReplicasAvailable";
inline constexpr char kTooFewAvailable[] = "MinimumReplicasUnavailable";
inline constexpr char kSetCreated[] = "NewReplicaSetCreated";
inline constexpr char kSetFound[] = "FoundNewReplicaSet";
inline constexpr char kSetCreateError[] = "ReplicaSetCreateError";
inline constexpr char kSetUpdated[] = "ReplicaSetUpdated";
inline constexpr char kSetAvailable[] = "NewReplicaSetAvailable";
inline constexpr char kTimedOut[] = "ProgressDeadlineExceeded";
inline constexpr char kPaused[] = "DeploymentPaused";
inline constexpr char kResumed[] = "DeploymentResumed";

DeploymentCondition make_condition(std::string_view type, std::string_view status, std::string_view reason,
                                   std::string message, int64_t now_ns);

// Changes nothing when status and reason are as they were; keeps the transition time while the status stays.
void set_condition(DeploymentStatus& status, DeploymentCondition condition);

}  // namespace gantry::deployment
