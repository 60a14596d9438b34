// Which budgets select a pod: their selectors by namespace, so that an event of a pod looks at few of them.
//
// Filled from the cache at its first use and kept by the budgets' events. Used by the controller's map; any thread.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.pb.h"
#include "gantry/host.hpp"
#include "gantry/selectors.hpp"

namespace gantry::disruption {

class BudgetIndex {
 public:
  explicit BudgetIndex(const sdk::Host& host) : host_(host) {}
  // An event of a budget.
  void note(const abi::ObjectEvent& event);
  // Names of the budgets that select these labels, in order.
  std::vector<std::string> matching(const std::string& ns, const sdk::LabelMap& labels);

 private:
  using Selectors = std::map<std::string, metav1::LabelSelector>;  // by name
  void fill();

  const sdk::Host host_;
  std::mutex mutex_;
  bool filled_ = false;
  std::map<std::string, Selectors> namespaces_;
};

}  // namespace gantry::disruption
