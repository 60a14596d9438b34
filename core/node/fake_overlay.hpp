// For tests only: an overlay in memory behind the ABI's table. [any-thread]
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/network/overlay_client.hpp"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::node::testing {

class FakeOverlay {
 public:
  FakeOverlay() {
    table_.size = sizeof table_;
    table_.set_node = [](void* instance, gantry_slice request, gantry_buffer* response,
                         gantry_buffer* error) -> gantry_code {
      auto& self = *static_cast<FakeOverlay*>(instance);
      const std::lock_guard lock(self.mutex_);
      ++self.set_node_calls_;
      if (self.failures_ > 0) {
        --self.failures_;
        return fail(Status::internal("no tunnel today"), error);
      }
      self.self_.ParseFromArray(request.data, static_cast<int>(request.size));
      fill_buffer(response, self.advert_.SerializeAsString());
      return 0;
    };
    table_.set_nodes = [](void* instance, gantry_slice request, gantry_buffer*, gantry_buffer*) -> gantry_code {
      auto& self = *static_cast<FakeOverlay*>(instance);
      abi::OverlayNodes nodes;
      nodes.ParseFromArray(request.data, static_cast<int>(request.size));
      const std::lock_guard lock(self.mutex_);
      if (nodes.complete()) self.others_.clear();
      for (const auto& node : nodes.nodes()) self.others_[node.name()] = node;
      for (const auto& name : nodes.gone()) self.others_.erase(name);
      return 0;
    };
  }
  network::OverlayClient client() { return network::OverlayClient({&table_, this, GANTRY_OVERLAY_ID}); }
  void set_advert(abi::OverlayAdvert advert) {
    const std::lock_guard lock(mutex_);
    advert_ = std::move(advert);
  }
  void fail_next(int times) {
    const std::lock_guard lock(mutex_);
    failures_ = times;
  }
  int set_node_calls() const {
    const std::lock_guard lock(mutex_);
    return set_node_calls_;
  }
  abi::OverlaySelf self() const {
    const std::lock_guard lock(mutex_);
    return self_;
  }
  std::map<std::string, abi::OverlayNode> others() const {
    const std::lock_guard lock(mutex_);
    return others_;
  }

 private:
  gantry_overlay table_{};
  mutable std::mutex mutex_;
  int failures_ = 0, set_node_calls_ = 0;
  abi::OverlayAdvert advert_;
  abi::OverlaySelf self_;
  std::map<std::string, abi::OverlayNode> others_;
};

}  // namespace gantry::node::testing
