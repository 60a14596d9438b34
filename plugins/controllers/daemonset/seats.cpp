#include "seats.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "gantry/pods.hpp"

namespace gantry::daemonset {
namespace {

bool goes_before(const Pod* a, const Pod* b) {
  const auto key = [](const Pod* pod) {
    const auto& meta = pod->metadata();
    return std::make_tuple(pod->spec().node_name().empty(), to_ns(meta.creation_timestamp()), std::cref(meta.name()));
  };
  return key(a) < key(b);
}

}  // namespace

Seats seat_pods(const std::vector<Node>& nodes, const std::vector<Pod>& pods, const Placement& placement) {
  Seats seats;
  seats.all.reserve(nodes.size());
  std::unordered_map<std::string_view, size_t> places;
  for (const auto& node : nodes) {
    places.emplace(node.metadata().name(), seats.all.size());
    seats.all.push_back({.node = &node, .fit = placement.on(node), .pods = {}});
  }
  for (const auto& pod : pods) {
    const auto name = node_of(pod);
    if (name.empty() || (sdk::is_finished(pod) && pod.metadata().has_deletion_timestamp())) continue;
    const auto place = places.find(name);
    (place == places.end() ? seats.homeless : seats.all[place->second].pods).push_back(&pod);
  }
  for (auto& seat : seats.all) std::sort(seat.pods.begin(), seat.pods.end(), goes_before);
  return seats;
}

}  // namespace gantry::daemonset
