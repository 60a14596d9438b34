// The other nodes as an overlay is told of them, and what of that it has not been told yet. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "core/network/adverts.hpp"
#include "gantry/overlay.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"

namespace gantry::network {

// What others must know of a Node. Pure.
abi::OverlayNode overlay_node(const k8s::io::api::core::v1::Node& node);

class NodeBook {
 public:
  // A node as the API has it. True when it is news.
  bool put(abi::OverlayNode node);
  // It is gone, or can't be reached: it has no range or no address. True when that is news.
  bool drop(const std::string& name);
  // The names of all that are known.
  std::set<std::string> names() const;

  // What changed since the last take(); all there is the first time, and after a forget().
  abi::OverlayNodes take();
  bool has_news() const { return all_due_ || !changed_.empty(); }
  // The plugin may not know any more what it was told.
  void forget() { all_due_ = true; }
  abi::OverlayNodes all() const;

 private:
  std::map<std::string, abi::OverlayNode> nodes_;
  std::set<std::string> changed_;
  bool all_due_ = true;
};

}  // namespace gantry::network
