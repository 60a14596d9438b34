#include "controller.hpp"

#include <algorithm>
#include <utility>

#include "gantry/quantity.hpp"
#include "gantry/stable_bytes.hpp"
#include "gantry/times.hpp"
#include "gantry/writes.hpp"
#include "status.hpp"

namespace gantry::autoscaler {
namespace {

constexpr char kApiVersion[] = "autoscaling/v2";
constexpr char kKind[] = "HorizontalPodAutoscaler";
constexpr char kCantGet[] = "the HPA controller was unable to get the target's current scale: ";

// The whole numbers of the plugin's table; the first that can't be taken is kept as the status.
struct Settings {
  const sdk::Host& host;
  Status status = {};

  void number(const char* key, int64_t least, int64_t& into) {
    constexpr int64_t kMost = 1'000'000;
    const auto value = host.config_int(key, into);
    if (!status.ok()) return;
    if (!value) {
      status = value.error();
    } else if (*value < least || *value > kMost) {
      status = Status::invalid(std::string(key) + " must be between " + std::to_string(least) + " and " +
                               std::to_string(kMost));
    } else {
      into = *value;
    }
  }
};

// How a metric of each type is asked for, and what is said where it can't be.
struct MetricSource {
  std::string_view type, failure_reason;
};
constexpr MetricSource kSources[] = {{"Resource", "FailedGetResourceMetric"},
                                     {"ContainerResource", "FailedGetContainerResourceMetric"},
                                     {"Pods", "FailedGetPodsMetric"},
                                     {"Object", "FailedGetObjectMetric"},
                                     {"External", "FailedGetExternalMetric"}};

std::string_view failure_reason(const autoscalingv2::MetricSpec& metric) {
  for (const auto& source : kSources) {
    if (source.type == metric.type()) return source.failure_reason;
  }
  return "InvalidMetricSourceType";
}

// No server of custom or external metrics can register itself yet.
Status unserved(const autoscalingv2::MetricSpec& metric) {
  const std::string nobody = ": the server could not find the requested resource";
  if (metric.type() == "Pods") {
    return Status::invalid("failed to get pods metric value: unable to get metric " + metric.pods().metric().name() +
                           ": unable to fetch metrics from custom metrics API" + nobody);
  }
  if (metric.type() == "Object") {
    return Status::invalid("failed to get object metric value: unable to get metric " +
                           metric.object().metric().name() + ": unable to fetch metrics from custom metrics API" +
                           nobody);
  }
  if (metric.type() == "External") {
    return Status::invalid("failed to get " + metric.external().metric().name() +
                           " external metric: unable to fetch metrics from external metrics API" + nobody);
  }
  return Status::invalid("unknown metric source type \"" + metric.type() + "\"");
}

std::string name_of(const autoscalingv2::MetricSpec& metric) {
  const auto& resource = metric.type() == "Resource" ? metric.resource().name() : metric.container_resource().name();
  const auto& target = metric.type() == "Resource" ? metric.resource().target() : metric.container_resource().target();
  return resource + (target.has_average_value() ? " resource" : " resource utilization (percentage of request)");
}

std::string list_of(const std::set<std::string>& ids) {
  std::string out;
  for (const auto& id : ids) out.append(out.empty() ? "[" : " ").append(id);
  return out + "]";
}

}  // namespace

Status Autoscaler::configure() {
  int64_t initialization_s = patience_.initialization_ns / kNanosPerSecond;
  int64_t readiness_s = patience_.first_readiness_ns / kNanosPerSecond;
  Settings in{host()};
  in.number("workers", 1, workers_);
  in.number("sync_period_ms", 1, period_ms_);
  in.number("downscale_stabilization_seconds", 0, window_s_);
  in.number("tolerance_percent", 0, tolerance_percent_);
  in.number("cpu_initialization_seconds", 0, initialization_s);
  in.number("initial_readiness_seconds", 0, readiness_s);
  patience_ = {initialization_s * kNanosPerSecond, readiness_s * kNanosPerSecond};
  return in.status;
}

abi::ControllerSpec Autoscaler::spec() const {
  auto spec = watching<HorizontalPodAutoscaler>("horizontalpodautoscaler");
  watch<corev1::Pod>(spec, abi::WatchSpec::NONE);
  spec.set_workers(static_cast<int32_t>(workers_));
  return spec;
}

Autoscaler::MemoryPtr Autoscaler::memory_of(const Key& key) {
  const std::lock_guard lock(mutex_);
  auto& memory = memories_[{key.ns, key.name}];
  if (memory == nullptr) memory = std::make_shared<Memory>();
  return memory;
}

void Autoscaler::forget(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = memories_.find({key.ns, key.name});
  if (found == memories_.end()) return;
  for (const auto& uid : found->second->pods) {
    const auto counted = counted_by_.find(uid);
    if (counted == counted_by_.end()) continue;
    counted->second.erase(key.ns + "/" + key.name);
    if (counted->second.empty()) counted_by_.erase(counted);
  }
  memories_.erase(found);
}

Expected<Autoscaler::Result> Autoscaler::reconcile(const Key& key) {
  auto object = host().cached<HorizontalPodAutoscaler>(key.ns, key.name);
  if (!object || object->metadata().has_deletion_timestamp()) {
    forget(key);
    return Result{};
  }
  auto memory = memory_of(key);
  if (memory->uid != object->metadata().uid()) {
    if (!memory->uid.empty()) {
      forget(key);
      memory = memory_of(key);
    }
    memory->uid = object->metadata().uid();
  }
  const int64_t now = host().now_unix_ns();
  const auto spec = sdk::stable_bytes(object->spec());
  const int64_t wait = memory->due_ns - now;
  // A clock that was set back must not hold it up.
  if (spec == memory->spec && wait > 0 && wait <= period_ms_ * kNanosPerMilli) {
    return Result{(wait + kNanosPerMilli - 1) / kNanosPerMilli};
  }
  memory->spec = spec;
  memory->due_ns = now + period_ms_ * kNanosPerMilli;
  const auto before = sdk::stable_bytes(object->status());
  auto status = object->status();
  Look what{*object, *memory, key.ns + "/" + key.name, now, status};
  if (auto done = look(what); !done.ok()) host().debug(what.id + ": " + done.message());
  if (before == sdk::stable_bytes(status)) return Result{period_ms_};
  if (auto written = sdk::write_status(host(), *object, status); !written.ok()) {
    event(what, "Warning", "FailedUpdateStatus", written.message());
    memory->due_ns = 0;
    return written;
  }
  return Result{period_ms_};
}

void Autoscaler::event(const Look& look, std::string_view type, std::string_view reason,
                       const std::string& message) const {
  host().event(look.object, kApiVersion, kKind, type, reason, message);
}

Status Autoscaler::look(Look& look) {
  auto target = targets_.get(look.object.metadata().namespace_(), look.object.spec().scale_target_ref());
  if (!target) {
    event(look, "Warning", "FailedGetScale", target.error().message());
    set(look.status, kAble, false, "FailedGetScale", kCantGet + target.error().message(), look.now_ns);
    return std::move(target).error();
  }
  set(look.status, kAble, true, "SucceededGetScale", "the HPA controller was able to get the target's current scale",
      look.now_ns);
  look.memory.history.begin(target->scale.spec().replicas(), look.now_ns);
  return scale(look, *target);
}

Status Autoscaler::scale(Look& look, Targets::Target& target) {
  const auto bounds = bounds_of(look.object.spec());
  const int32_t current = target.scale.spec().replicas();
  look.status.set_current_replicas(current);
  if (current == 0 && bounds.least != 0) {
    set(look.status, kActive, false, "ScalingDisabled",
        "scaling is disabled since the replica count of the target is zero", look.now_ns);
    look.status.set_desired_replicas(0);
    look.status.clear_current_metrics();
    return {};
  }
  if (current > bounds.most || current < bounds.least) {
    look.status.clear_current_metrics();
    return current > bounds.most
               ? change(look, target, bounds.most, "Current number of replicas above Spec.MaxReplicas")
               : change(look, target, bounds.least, "Current number of replicas below Spec.MinReplicas");
  }
  const auto wanted = want(look, target);
  if (!wanted) {
    event(look, "Warning", "FailedComputeMetricsReplicas", wanted.error().message());
    return wanted.error();
  }
  const auto decision = look.memory.history.decide(look.object.spec(), current, wanted->replicas,
                                                   static_cast<int32_t>(window_s_), look.now_ns);
  set(look.status, decision, look.now_ns);
  return change(look, target, decision.replicas,
                wanted->replicas > current ? wanted->because + " above target" : "All metrics below target");
}

Status Autoscaler::change(Look& look, Targets::Target& target, int32_t to, const std::string& why) {
  const int32_t from = target.scale.spec().replicas();
  look.status.set_desired_replicas(to);
  if (to == from) return {};
  target.scale.mutable_spec()->set_replicas(to);
  const auto done = targets_.set(look.object.metadata().namespace_(), target);
  const std::string size = "New size: " + std::to_string(to) + "; reason: " + why;
  if (!done.ok()) {
    event(look, "Warning", "FailedRescale", size + "; error: " + done.message());
    set(look.status, kAble, false, "FailedUpdateScale",
        "the HPA controller was unable to update the target scale: " + done.message(), look.now_ns);
    look.status.set_desired_replicas(look.object.status().desired_replicas());
    return done;
  }
  set(look.status, kAble, true, "SucceededRescale",
      "the HPA controller was able to update the target scale to " + std::to_string(to), look.now_ns);
  event(look, "Normal", "SuccessfulRescale", size);
  look.memory.history.scaled(look.object.spec(), from, to, look.now_ns);
  *look.status.mutable_last_scale_time() = to_time(look.now_ns);
  return {};
}

Status Autoscaler::fail(Look& look, std::string_view reason, const std::string& why, const std::string& whole) const {
  event(look, "Warning", reason, why);
  set(look.status, kActive, false, reason, whole, look.now_ns);
  return Status::invalid(why);
}

Status Autoscaler::find_pods(Look& look, const Targets::Target& target) {
  const auto& selector = target.scale.status().selector();
  if (selector.empty()) {
    const std::string why = "selector is required";
    event(look, "Warning", "SelectorRequired", why);
    set(look.status, kActive, false, "InvalidSelector", "the HPA target's scale is missing a selector", look.now_ns);
    return Status::invalid(why);
  }
  const auto& ns = look.object.metadata().namespace_();
  auto pods = host().cached_list<corev1::Pod>(ns, selector);
  if (!pods) {
    const std::string why =
        "couldn't convert selector into a corresponding internal selector object: " + pods.error().message();
    return fail(look, "InvalidSelector", why, why);
  }
  look.pods = std::move(*pods);
  if (auto status = check_alone(look, selector); !status.ok()) return status;
  auto request = sdk::Host::request_for<PodMetrics>(sdk::ApiRequest::LIST, ns, "");
  request.set_label_selector(selector);
  const auto metrics = host().call(request);
  if (!metrics) return metrics.error();
  for (const auto& bytes : metrics->objects()) {
    if (!look.metrics.emplace_back().ParseFromString(bytes)) look.metrics.pop_back();
  }
  return {};
}

// Two that count the same pods would pull at them for ever.
Status Autoscaler::check_alone(Look& look, const std::string& selector) {
  std::set<std::string> others;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& uid : look.memory.pods) {
      const auto counted = counted_by_.find(uid);
      if (counted == counted_by_.end()) continue;
      counted->second.erase(look.id);
      if (counted->second.empty()) counted_by_.erase(counted);
    }
    look.memory.pods.clear();
    for (const auto& pod : look.pods) {
      auto& counted = counted_by_[pod.metadata().uid()];
      counted.insert(look.id);
      look.memory.pods.insert(pod.metadata().uid());
      if (counted.size() > 1) others.insert(counted.begin(), counted.end());
    }
  }
  if (others.empty()) return {};
  const std::string why = "pods by selector " + selector + " are controlled by multiple HPAs: " + list_of(others);
  return fail(look, "AmbiguousSelector", why, why);
}

Expected<Proposal> Autoscaler::propose(Look& look, const autoscalingv2::MetricSpec& metric, int32_t replicas) const {
  const bool whole = metric.type() == "Resource";
  if (!whole && metric.type() != "ContainerResource") return unserved(metric);
  const auto& target = whole ? metric.resource().target() : metric.container_resource().target();
  const Measured what = whole ? Measured{metric.resource().name(), ""}
                              : Measured{metric.container_resource().name(), metric.container_resource().container()};
  const std::string name(what.resource);
  const std::string failed = "failed to get " + name + (target.has_average_value() ? " usage: " : " utilization: ");
  if (look.metrics.empty()) {
    return Status::invalid(failed + "unable to get metrics for resource " + name +
                           ": no metrics returned from resource metrics API");
  }
  auto uses = uses_of(look.pods, look.metrics, what, patience_, look.now_ns);
  const auto tolerance = tolerance_of(look.object.spec(), static_cast<double>(tolerance_percent_) / 100);
  Expected<Proposal> proposal = Status::invalid(
      "invalid resource metric source: neither an average utilization target nor an average value (usage) target was "
      "set");
  if (target.has_average_value()) {
    const auto amount = sdk::Quantity::parse(target.average_value().string());
    if (!amount) return amount.error();
    proposal = for_average(uses, replicas, amount->milli_value(), tolerance);
  } else if (target.has_average_utilization()) {
    auto status = add_requests(look.pods, what, uses);
    proposal = status.ok() ? for_utilization(uses, replicas, target.average_utilization(), tolerance)
                           : Expected<Proposal>(std::move(status));
  } else {
    return proposal;
  }
  if (!proposal) return Status::invalid(failed + proposal.error().message());
  return proposal;
}

// The most that one of the metrics wants. Where some can't be had, the others may only let it grow.
Expected<Autoscaler::Wanted> Autoscaler::want(Look& look, const Targets::Target& target) {
  const int32_t current = target.scale.spec().replicas();
  if (auto status = find_pods(look, target); !status.ok()) return status;
  Wanted out;
  std::string reason, first;
  google::protobuf::RepeatedPtrField<autoscalingv2::MetricStatus> statuses;
  for (const auto& metric : look.object.spec().metrics()) {
    const auto proposal = propose(look, metric, current);
    if (!proposal) {
      event(look, "Warning", failure_reason(metric), proposal.error().message());
      if (out.failed++ == 0) {
        reason = failure_reason(metric);
        first = proposal.error().message();
      }
      continue;
    }
    *statuses.Add() = measured(metric, *proposal);
    if (out.because.empty() || proposal->replicas > out.replicas) {
      out.replicas = proposal->replicas;
      out.because = name_of(metric);
    }
  }
  const int all = look.object.spec().metrics_size();
  if (out.failed >= all || (out.failed > 0 && out.replicas < current)) {
    set(look.status, kActive, false, reason, "the HPA was unable to compute the replica count: " + first, look.now_ns);
    return Status::invalid("invalid metrics (" + std::to_string(out.failed) + " invalid out of " + std::to_string(all) +
                           "), first error is: " + first);
  }
  set(look.status, kActive, true, "ValidMetricFound",
      "the HPA was able to successfully calculate a replica count from " + out.because, look.now_ns);
  look.status.mutable_current_metrics()->Swap(&statuses);
  return out;
}

}  // namespace gantry::autoscaler
