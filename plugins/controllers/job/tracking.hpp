// The tracking finalizer taken from many pods at once. [worker]
#pragma once

#include <string>
#include <vector>

#include "gantry/host.hpp"
#include "job_pods.hpp"

namespace gantry::job {

// A Status for each; one that is gone is a success. Not tied to the version that was read: kubelets write pods, too.
std::vector<Status> stop_tracking(const sdk::Host& host, const std::vector<const JobPod*>& pods);

// Of all pods that an owner controls, for one that is gone or done and will not count them.
Status stop_tracking_all(const sdk::Host& host, std::string_view ns, std::string_view owner_uid);

// Of one pod, if nobody controls it any more.
Status stop_tracking_orphan(const sdk::Host& host, std::string_view ns, std::string_view name);

}  // namespace gantry::job
