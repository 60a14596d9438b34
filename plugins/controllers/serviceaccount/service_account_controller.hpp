// Every active namespace has its ServiceAccount `default`. Keys are namespaces; threads as sdk::Controller says.
#pragma once

#include "gantry/controller.hpp"

namespace gantry::service_accounts {

class ServiceAccountController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
};

}  // namespace gantry::service_accounts
