#include "core/node/usage/usage_reporter.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/node/usage/machine_counters.hpp"
#include "core/node/usage/usage_rates.hpp"
#include "core/plugin/worker_pool.hpp"
#include "gantry/times.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/metrics/pkg/apis/metrics/v1beta1/usage.pb.h"

namespace gantry::node {
namespace {

constexpr int64_t kRoundMs = 15'000;
constexpr int kNotImplemented = 501;

template <typename M>
client::ResourceRef usage_ref() {
  constexpr auto resource = ResourceOf<M>::name;
  return {std::string(resource.group), std::string(resource.version), std::string(resource.resource)};
}

template <typename Amounts>
void put_usage(const Usage& usage, Amounts& amounts) {
  amounts["cpu"].set_string(std::to_string(usage.nano_cores) + "n");
  amounts["memory"].set_string(std::to_string(usage.memory_bytes / 1024) + "Ki");
}

metricsv1beta1::PodMetrics metrics_of(const PodUsage& usage, const corev1::Pod& pod) {
  metricsv1beta1::PodMetrics out;
  out.mutable_metadata()->set_name(usage.name);
  out.mutable_metadata()->set_namespace_(usage.ns);
  *out.mutable_metadata()->mutable_labels() = pod.metadata().labels();
  *out.mutable_timestamp() = to_time(usage.at_ns);
  out.mutable_window()->set_duration(usage.window_ns);
  for (const auto& [name, used] : usage.containers) {
    auto& container = *out.add_containers();
    container.set_name(name);
    put_usage(used, *container.mutable_usage());
  }
  return out;
}

}  // namespace

class UsageReporter::Rounds : public std::enable_shared_from_this<Rounds> {
 public:
  Rounds(const NodeParts& parts, Hooks hooks)
      : options_(parts.options), runtime_(parts.runtime), clock_(*parts.clock), hooks_(std::move(hooks)) {}

  void next() {
    pool_.post([this] { look(); });
    hooks_.schedule(kRoundMs, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->next();
    });
  }
  void stop() {
    stopped_ = true;
    pool_.stop();
  }

 private:
  void look() {
    if (stopped_ || under_way_ > 0) return;
    look_at_machine();
    const auto stats = runtime_.list_container_stats();
    if (!stats) {
      // A runtime need not know.
      if (stats.error().code() != kNotImplemented) {
        options_.trouble("usage-unknown", "what containers use is not known: " + stats.error().message());
      }
      return;
    }
    for (const auto& usage : rates_.pods(*stats)) {
      const auto pod = hooks_.pod(usage.uid);
      if (pod == nullptr || pod->metadata().has_deletion_timestamp()) continue;
      write(usage_ref<metricsv1beta1::PodMetrics>(), usage.ns, usage.name, metrics_of(usage, *pod).SerializeAsString());
    }
  }

  // With the labels of the Node, by which people select.
  void look_at_machine() {
    const auto usage = rates_.machine(read_machine(clock_.now_unix_ns()));
    if (!usage) return;
    ++under_way_;
    options_.client->call(client::get_request({"", "v1", "nodes"}, "", options_.node_name),
                          [weak = weak_from_this(), usage = *usage](const Expected<client::ApiResponse>& answer) {
                            const auto self = weak.lock();
                            if (self == nullptr) return;
                            const auto node = client::parse_object<corev1::Node>(answer);
                            if (node) self->write_machine(usage, *node);
                            --self->under_way_;
                          });
  }

  void write_machine(const MachineUsage& usage, const corev1::Node& node) {
    metricsv1beta1::NodeMetrics out;
    out.mutable_metadata()->set_name(options_.node_name);
    *out.mutable_metadata()->mutable_labels() = node.metadata().labels();
    *out.mutable_timestamp() = to_time(usage.at_ns);
    out.mutable_window()->set_duration(usage.window_ns);
    put_usage(usage.usage, *out.mutable_usage());
    write(usage_ref<metricsv1beta1::NodeMetrics>(), "", options_.node_name, out.SerializeAsString());
  }

  // An update, for it is nearly always there.
  void write(const client::ResourceRef& ref, const std::string& ns, const std::string& name, const std::string& body) {
    ++under_way_;
    options_.client->call(client::update_request(ref, ns, name, body),
                          [weak = weak_from_this(), ref, ns, body](const Expected<client::ApiResponse>& answer) {
                            const auto self = weak.lock();
                            if (self == nullptr) return;
                            if (answer || answer.error().code() != 404) return self->written(answer);
                            self->options_.client->call(client::create_request(ref, ns, body),
                                                        [weak](const Expected<client::ApiResponse>& created) {
                                                          if (const auto still = weak.lock()) still->written(created);
                                                        });
                          });
  }

  void written(const Expected<client::ApiResponse>& answer) {
    if (!answer && !stopped_) {
      options_.trouble("usage-unwritten", "what pods use can't be written: " + answer.error().message());
    }
    --under_way_;
  }

  // Copies: an answer may come while the agent goes.
  const NodeOptions options_;
  const RuntimeClient runtime_;
  const plugin::Clock& clock_;
  const Hooks hooks_;
  UsageRates rates_;  // pool_ alone
  std::atomic<int> under_way_ = 0;
  std::atomic<bool> stopped_ = false;
  plugin::WorkerPool pool_{"node-usage", 1};
};

UsageReporter::UsageReporter(const NodeParts& parts, Hooks hooks)
    : rounds_(std::make_shared<Rounds>(parts, std::move(hooks))) {
  rounds_->next();
}
UsageReporter::~UsageReporter() { stop(); }
void UsageReporter::stop() { rounds_->stop(); }

}  // namespace gantry::node
