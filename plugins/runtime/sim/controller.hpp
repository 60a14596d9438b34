// Thousands of nodes as one controller: keys of pods belong to Pods, keys without a namespace to Nodes.
//
// With nodes = 0 it watches nothing and costs nothing.
#pragma once

#include <memory>

#include "addresses.hpp"
#include "gantry/controller.hpp"
#include "nodes.hpp"
#include "pods.hpp"

namespace gantry::sim {

class HollowNodes : public sdk::Controller {
 public:
  using Controller::Controller;

  Status configure() override;
  abi::ControllerSpec spec() const override;
  void map(const abi::ObjectEvent& event, const Emit& emit) override;
  Expected<Result> reconcile(const Key& key) override;

  const Settings& settings() const { return settings_; }

 private:
  Settings settings_;
  Addresses addresses_;
  std::unique_ptr<Nodes> nodes_;
  std::unique_ptr<UsagePlayer> usage_;
  std::unique_ptr<Pods> pods_;  // before nodes_ ends: answers may still come
};

}  // namespace gantry::sim
