// Answers the daemon's calls in the plugin's process: loads the image, makes its instance, calls its functions.
#pragma once

#include <atomic>
#include <string>

#include "core/isolation/channel.hpp"
#include "core/isolation/child/host_tables.hpp"
#include "core/isolation/interface_set.hpp"
#include "core/isolation/payload.hpp"
#include "gantry/status.hpp"

namespace gantry::isolation {

class Server {
 public:
  Server(Link& link, Tasks& tasks) : link_(link), tasks_(tasks), host_(link, tasks) {}

  // Serves one lane until the daemon closes it, which ends the process.
  void serve(Channel lane);

 private:
  Reply answer(Frame& frame, Channel& lane);
  Reply start(PayloadReader in);
  Reply create(PayloadReader in);
  Reply destroy();
  Reply call_controller(const Frame& frame);
  Reply call_network(PayloadReader in);
  Reply call_runtime(Frame& frame, Channel& lane);
  Reply runtime_verb(PayloadReader in);
  Reply exec(PayloadReader in, Channel& lane);
  Reply call_reload(const Frame& frame);
  Status open(const std::string& path);

  template <typename Table>
  const Table& table(InterfaceIndex index) const {
    return *static_cast<const Table*>(interfaces_[index]);
  }

  Link& link_;
  Tasks& tasks_;
  RemoteHost host_;
  std::atomic<uint64_t> served_{0};
  size_t max_frame_ = 0;
  const gantry_plugin_api* api_ = nullptr;
  void* instance_ = nullptr;
  std::array<const void*, kInterfaces> interfaces_{};
};

}  // namespace gantry::isolation
