#include "controller.hpp"

#include <charconv>

#include "k8s.io/api/core/v1/namespace.pb.h"

namespace gantry::sim {
namespace {

// A key that no object has: "#3" is the third batch of nodes.
constexpr char kBatch = '#';
constexpr char kUsage[] = "$usage";

}  // namespace

Status HollowNodes::configure() {
  auto settings = read_settings(host());
  if (!settings) return std::move(settings).error();
  settings_ = std::move(*settings);
  if (settings_.nodes == 0) return {};
  auto addresses = Addresses::plan(settings_.pod_cidr, settings_.nodes, settings_.pods);
  if (!addresses) return std::move(addresses).error().in("[plugin.sim]");
  addresses_ = std::move(*addresses);
  nodes_ = std::make_unique<Nodes>(host(), settings_, addresses_);
  usage_ = std::make_unique<UsagePlayer>(host(), [this] { host().enqueue("", kUsage); });
  pods_ = std::make_unique<Pods>(host(), settings_, addresses_, *nodes_, *usage_);
  return {};
}

// Nothing in the cluster says "begin" but the namespace of the Leases, which is there from the start: its event makes
// the nodes.
abi::ControllerSpec HollowNodes::spec() const {
  abi::ControllerSpec spec;
  spec.set_name("sim");
  spec.set_workers(static_cast<int32_t>(settings_.workers));
  if (settings_.nodes == 0) return spec;
  watch<corev1::Pod>(spec, abi::WatchSpec::SELF);
  watch<corev1::Node>(spec, abi::WatchSpec::SELF);
  watch<corev1::Namespace>(spec, abi::WatchSpec::CUSTOM).set_field_selector("metadata.name=kube-node-lease");
  return spec;
}

void HollowNodes::map(const abi::ObjectEvent& event, const Emit& emit) {
  if (event.type() != abi::ObjectEvent::ADDED || nodes_ == nullptr) return;
  for (int64_t batch = 0; batch < nodes_->batches(); ++batch) emit("", kBatch + std::to_string(batch));
}

Expected<HollowNodes::Result> HollowNodes::reconcile(const Key& key) {
  if (nodes_ == nullptr) return Result{};
  if (!key.ns.empty()) return Result{pods_->reconcile(key.ns, key.name)};
  if (key.name == kUsage) {
    auto again = usage_->play();
    if (!again) return std::move(again).error();
    return Result{*again};
  }
  if (key.name.starts_with(kBatch)) {
    int64_t batch = 0;
    std::from_chars(key.name.data() + 1, key.name.data() + key.name.size(), batch);
    auto again = nodes_->tend(batch);
    if (!again) return std::move(again).error();
    return Result{*again};
  }
  const int64_t node = nodes_->index(key.name);
  if (node < 0) return Result{};
  bool revived = false;
  if (auto status = nodes_->see(node, revived); !status.ok()) return status;
  if (revived) pods_->queue_node(key.name);
  return Result{};
}

}  // namespace gantry::sim
