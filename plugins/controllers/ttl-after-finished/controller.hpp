// The TTL controller: deletes a Job, and with it its pods, when
// spec.ttlSecondsAfterFinished have passed since its end.
//
// Stateless: when a Job is due is in the Job. reconcile runs on the host's
// workers.
#pragma once

#include <cstdint>
#include <optional>

#include "gantry/controller.hpp"
#include "k8s.io/api/batch/v1/job.pb.h"

namespace gantry::ttl_after_finished {

// When the Job is to be deleted; none: never, as things are. Pure.
std::optional<int64_t> expires_at_ns(const batchv1::Job& job);

class TtlController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
  Status configure() override;

 private:
  int64_t workers_ = 5;
};

}  // namespace gantry::ttl_after_finished
