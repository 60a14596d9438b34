// Logs and exec of this node's containers, with the kubelet's words where there is nothing to show: at most 1,024 logs
// and 256 commands at a time, then 429. [worker]
#pragma once

#include <atomic>
#include <memory>

#include "core/client/node_backend.hpp"
#include "core/node/logs/log_pump.hpp"
#include "core/node/node_parts.hpp"
#include "core/node/pod/pod_table.hpp"

namespace gantry::node {

class NodeIo {
 public:
  NodeIo(const NodeParts& parts, const PodTable& pods) : parts_(parts), pods_(pods) {}
  ~NodeIo() { stop(); }

  Status logs(const client::PodRef& pod, const client::LogOptions& options, int out);
  Expected<std::unique_ptr<client::ExecSession>> exec(const client::PodRef& pod, const client::ExecOptions& options,
                                                      int in, int out, int err,
                                                      std::function<void(Expected<int>)> exited);
  void stop();

 private:
  const NodeParts& parts_;
  const PodTable& pods_;
  LogPump logs_;
  const std::shared_ptr<std::atomic<int>> execs_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace gantry::node
