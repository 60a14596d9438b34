// The CronJob controller: makes a Job whenever a CronJob's schedule says so. It keeps no clock of its own: each look
// says when the next one is due. reconcile runs on the host's workers; what they share guards itself.
#pragma once

#include "gantry/controller.hpp"
#include "memory.hpp"
#include "zones.hpp"

namespace gantry::cronjob {

class CronJobController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
  Status configure() override;

 private:
  int64_t workers_ = 5;
  Zones zones_;
  Memory memory_;
};

}  // namespace gantry::cronjob
