// A pod network that gives addresses and does nothing else: for sim's own containers, which have no devices. [worker]
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "gantry/abi.pb.h"
#include "gantry/status.hpp"

namespace gantry::sim {

class ImaginaryNetwork {
 public:
  Status set_node(const abi::NetworkNode& node);
  Expected<abi::NetworkResult> add(const abi::NetworkAttachment& attachment);
  Status del(const abi::NetworkAttachment& attachment);
  Status gc(const abi::NetworkLive& live);
  // Nothing is beyond this node, and what was given out is there.
  Status set_nodes(const abi::NetworkNodes&) { return {}; }
  Status check(const abi::NetworkAttachment&) { return {}; }

 private:
  std::mutex mutex_;
  uint32_t base_ = 0, size_ = 0;
  std::map<std::string, uint32_t> given_;  // by sandbox
};

}  // namespace gantry::sim
