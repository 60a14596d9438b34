// Answers the daemon's calls in the plugin's process: loads the image, makes its instance, calls its functions.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "core/isolation/channel.hpp"
#include "core/isolation/child/host_tables.hpp"
#include "core/isolation/payload.hpp"
#include "core/plugin/interface_table.hpp"
#include "gantry/status.hpp"

namespace gantry::isolation {

class Server {
 public:
  Server(Link& link, Tasks& tasks) : link_(link), tasks_(tasks), host_(link, tasks) {}

  // Serves one lane until the daemon closes it, which ends the process.
  void serve(Channel lane);

 private:
  template <typename Work>
  Reply serve_one(Op op, Work&& work);
  Reply answer(Frame& frame, Channel& lane);
  Reply start(PayloadReader in);
  Reply create(PayloadReader in);
  Reply destroy();
  Reply call_member(const Frame& frame);
  Reply call_by_hand(Frame& frame, Channel& lane);
  Reply map(gantry_slice event) const;
  Reply import_image(gantry_slice request, Channel& lane) const;
  Reply exec(PayloadReader in, Channel& lane) const;
  Reply set_sink(PayloadReader in) const;
  Status open(const std::string& path);

  // For what crosses by hand.
  template <typename Table>
  const Table& table(std::string_view id) const {
    const auto index = plugin::find_interface(id) - plugin::interfaces().data();
    return *static_cast<const Table*>(interfaces_[static_cast<size_t>(index)]);
  }

  Link& link_;
  Tasks& tasks_;
  RemoteHost host_;
  std::atomic<uint64_t> served_{0};
  size_t max_frame_ = 0;
  const gantry_plugin_api* api_ = nullptr;
  void* instance_ = nullptr;
  std::vector<const void*> interfaces_;  // in the order of the table; null: the plugin has it not
};

}  // namespace gantry::isolation
