#include "nodes.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <string>

#include "daemon_pods.hpp"
#include "gantry/scheduling/node_affinity.hpp"
#include "gantry/selectors.hpp"

namespace gantry::daemonset {
namespace {

// Calls `each(number, whole, content)` for every field that has a length: `whole` is the field with its tag. False when
// the bytes are no message.
template <typename Each>
bool each_field(std::string_view bytes, const Each& each) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  for (;;) {
    const auto begin = static_cast<size_t>(in.CurrentPosition());
    if (begin == bytes.size()) return true;
    const uint32_t tag = in.ReadTag();
    uint64_t number = 0;
    uint32_t size = 0;
    if (tag == 0) return false;
    if ((tag & 7) == 0 ? !in.ReadVarint64(&number) : (tag & 7) != 2 || !in.ReadVarint32(&size)) return false;
    if ((tag & 7) == 0) continue;
    const auto at = static_cast<size_t>(in.CurrentPosition());
    if (!in.Skip(static_cast<int>(size))) return false;
    each(tag >> 3, bytes.substr(begin, at + size - begin), bytes.substr(at, size));
  }
}

// The parts of a message, its fields with the numbers that `wanted` accepts, into one of its type.
template <typename Message, typename Wanted>
bool read_some(std::string_view bytes, Message& message, const Wanted& wanted) {
  std::string some;
  const bool whole = each_field(bytes, [&](uint32_t number, std::string_view field, std::string_view) {
    if (wanted(static_cast<int>(number))) some += field;
  });
  return whole && message.ParseFromString(some);
}

bool same_taint(const corev1::Taint& a, const corev1::Taint& b) {
  return a.key() == b.key() && a.value() == b.value() && a.effect() == b.effect();
}

}  // namespace

std::optional<Node> placement_facts(std::string_view bytes) {
  using metav1::ObjectMeta;
  Node node;
  bool fine = true;
  const bool whole = each_field(bytes, [&](uint32_t number, std::string_view, std::string_view content) {
    if (number == Node::kMetadataFieldNumber) {
      fine = fine && read_some(content, *node.mutable_metadata(), [](int field) {
               return field == ObjectMeta::kNameFieldNumber || field == ObjectMeta::kLabelsFieldNumber;
             });
    } else if (number == Node::kSpecFieldNumber) {
      fine = fine && read_some(content, *node.mutable_spec(),
                               [](int field) { return field == corev1::NodeSpec::kTaintsFieldNumber; });
    }
  });
  return whole && fine ? std::optional(std::move(node)) : std::nullopt;
}

bool same_facts(const Node& a, const Node& b) {
  const auto &here = a.spec().taints(), &there = b.spec().taints();
  return a.metadata().name() == b.metadata().name() && sdk::same_labels(a.metadata().labels(), b.metadata().labels()) &&
         std::equal(here.begin(), here.end(), there.begin(), there.end(), same_taint);
}

std::vector<Node> all_nodes(const sdk::Host& host) {
  std::vector<Node> nodes;
  const auto* cache = host.get<gantry_cache>(GANTRY_CACHE_ID);
  if (cache == nullptr) return nodes;
  constexpr auto name = ResourceOf<Node>::name;
  const gantry_resource resource = {to_slice(name.group), to_slice(name.version), to_slice(name.resource)};
  const auto visit = [](void* context, gantry_slice object) -> int32_t {
    if (auto node = placement_facts(to_view(object)))
      static_cast<std::vector<Node>*>(context)->push_back(*std::move(node));
    return 0;
  };
  Buffer failure;
  cache->list(host.raw(), &resource, to_slice(""), to_slice(""), visit, &nodes, failure.out());
  std::sort(nodes.begin(), nodes.end(),
            [](const Node& a, const Node& b) { return a.metadata().name() < b.metadata().name(); });
  return nodes;
}

Placement::Placement(const DaemonSet& set) {
  const auto& wanted = set.spec().template_().spec();
  *spec_.mutable_node_selector() = wanted.node_selector();
  *spec_.mutable_affinity()->mutable_node_affinity() = wanted.affinity().node_affinity();
  spec_.set_node_name(wanted.node_name());
  spec_.set_host_network(wanted.host_network());
  *spec_.mutable_tolerations() = wanted.tolerations();
  add_daemon_tolerations(spec_);
  tolerations_ = sdk::Tolerations(spec_.tolerations());
}

Fit Placement::on(const Node& node) const {
  if (!spec_.node_name().empty() && spec_.node_name() != node.metadata().name()) return {};
  if (!sdk::pod_selects(spec_, sdk::view_of(node))) return {};
  const auto& taints = node.spec().taints();
  if (sdk::untolerated(taints, tolerations_) == nullptr) return {.wanted = true, .may_stay = true};
  const bool evicted = std::any_of(taints.begin(), taints.end(), [&](const corev1::Taint& taint) {
    return taint.effect() == "NoExecute" && !tolerations_.tolerate(taint);
  });
  return {.wanted = false, .may_stay = !evicted};
}

}  // namespace gantry::daemonset
