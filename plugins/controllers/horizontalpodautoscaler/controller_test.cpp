// The plugin between caches, the API and the clock.
#include "controller.hpp"

#include <gtest/gtest.h>

#include "gantry/times.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/discovery.pb.h"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::autoscaler {
namespace {

constexpr int64_t kNow = 1'000'000 * kNanosPerSecond;

class AutoscalerTest : public ::testing::Test {
 protected:
  AutoscalerTest() {
    host_.now_ns = kNow;
    host_.api = [this](const abi::ApiRequest& request) { return answer(request); };
    scale_.mutable_metadata()->set_name("web");
    scale_.mutable_metadata()->set_namespace_("shop");
    scale_.mutable_spec()->set_replicas(2);
    scale_.mutable_status()->set_selector("app=web");
    hpa_.mutable_metadata()->set_name("web");
    hpa_.mutable_metadata()->set_namespace_("shop");
    hpa_.mutable_metadata()->set_uid("hpa-1");
    auto& spec = *hpa_.mutable_spec();
    spec.mutable_scale_target_ref()->set_api_version("apps/v1");
    spec.mutable_scale_target_ref()->set_kind("Deployment");
    spec.mutable_scale_target_ref()->set_name("web");
    spec.set_min_replicas(1);
    spec.set_max_replicas(10);
    auto& metric = *spec.add_metrics();
    metric.set_type("Resource");
    metric.mutable_resource()->set_name("cpu");
    metric.mutable_resource()->mutable_target()->set_type("Utilization");
    metric.mutable_resource()->mutable_target()->set_average_utilization(50);
    host_.cache(hpa_);
  }

  testkit::ScriptedHost::Answer answer(const abi::ApiRequest& request) {
    if (request.verb() == abi::ApiRequest::DISCOVER) {
      abi::ApiResponse response;
      metav1::APIResourceList list;
      list.set_group_version("apps/v1");
      auto& resource = *list.add_resources();
      resource.set_name("deployments");
      resource.set_kind("Deployment");
      resource.set_namespaced(true);
      response.add_objects(list.SerializeAsString());
      return response;
    }
    if (request.verb() == abi::ApiRequest::LIST) {
      EXPECT_EQ(request.group(), "metrics.k8s.io");
      EXPECT_EQ(request.label_selector(), "app=web");
      abi::ApiResponse response;
      for (const auto& metrics : metrics_) response.add_objects(metrics.SerializeAsString());
      return response;
    }
    if (request.subresource() == "scale") {
      EXPECT_EQ(request.resource(), "deployments");
      if (!scale_failure_.ok()) return scale_failure_;
      if (request.verb() == abi::ApiRequest::UPDATE) scale_.ParseFromString(request.body());
      return testkit::ScriptedHost::answer(scale_);
    }
    EXPECT_EQ(request.subresource(), "status");
    ++status_writes_;
    hpa_.ParseFromString(request.body());
    host_.cache(hpa_);
    return testkit::ScriptedHost::answer(hpa_);
  }
  // A pod that has run for long, asks for a core and uses so much of it.
  void pod(const std::string& name, const std::string& cpu) {
    corev1::Pod pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_namespace_("shop");
    pod.mutable_metadata()->set_uid("uid-" + name);
    (*pod.mutable_metadata()->mutable_labels())["app"] = "web";
    auto& container = *pod.mutable_spec()->add_containers();
    container.set_name("main");
    (*container.mutable_resources()->mutable_requests())["cpu"].set_string("1");
    pod.mutable_status()->set_phase("Running");
    *pod.mutable_status()->mutable_start_time() = to_time(kNow - 3'600 * kNanosPerSecond);
    auto& ready = *pod.mutable_status()->add_conditions();
    ready.set_type("Ready");
    ready.set_status("True");
    *ready.mutable_last_transition_time() = to_time(kNow - 3'590 * kNanosPerSecond);
    host_.cache(pod);
    PodMetrics metrics;
    metrics.mutable_metadata()->set_name(name);
    *metrics.mutable_timestamp() = to_time(host_.now_ns);
    metrics.mutable_window()->set_duration(15 * kNanosPerSecond);
    auto& used = *metrics.add_containers();
    used.set_name("main");
    (*used.mutable_usage())["cpu"].set_string(cpu);
    metrics_.push_back(metrics);
  }
  int64_t look(const std::string& name = "web") {
    const auto result = autoscaler_.reconcile({"shop", name});
    EXPECT_TRUE(result) << result.error().message();
    return result ? result->requeue_after_ms : -1;
  }
  void pass(int64_t seconds) { host_.now_ns += seconds * kNanosPerSecond; }
  std::string condition(const std::string& type) const {
    for (const auto& one : hpa_.status().conditions()) {
      if (one.type() == type) return one.status() + " " + one.reason() + ": " + one.message();
    }
    return "none";
  }
  std::string last_event() const {
    return host_.events.empty() ? "" : host_.events.back().reason + ": " + host_.events.back().message;
  }

  testkit::ScriptedHost host_;
  HorizontalPodAutoscaler hpa_;
  autoscalingv1::Scale scale_;
  std::vector<PodMetrics> metrics_;
  Status scale_failure_;
  int status_writes_ = 0;
  Autoscaler autoscaler_{sdk::Host(&host_.host)};
};

TEST_F(AutoscalerTest, GrowsWhenPodsAreBusy) {
  pod("a", "900m");
  pod("b", "700m");
  EXPECT_EQ(look(), 15'000);
  EXPECT_EQ(scale_.spec().replicas(), 4);
  EXPECT_EQ(last_event(),
            "SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target");
  EXPECT_EQ(hpa_.status().current_replicas(), 2);
  EXPECT_EQ(hpa_.status().desired_replicas(), 4);
  EXPECT_EQ(hpa_.status().last_scale_time().seconds(), kNow / kNanosPerSecond);
  ASSERT_EQ(hpa_.status().current_metrics_size(), 1);
  EXPECT_EQ(hpa_.status().current_metrics(0).resource().current().average_utilization(), 80);
  EXPECT_EQ(hpa_.status().current_metrics(0).resource().current().average_value().string(), "800m");
  EXPECT_EQ(condition("AbleToScale"),
            "True SucceededRescale: the HPA controller was able to update the target scale to 4");
  EXPECT_EQ(condition("ScalingActive"),
            "True ValidMetricFound: the HPA was able to successfully calculate a replica count from cpu resource "
            "utilization (percentage of request)");
  EXPECT_EQ(condition("ScalingLimited"), "False DesiredWithinRange: the desired count is within the acceptable range");
}

TEST_F(AutoscalerTest, ItsOwnEventsAreNoReasonToLookAgain) {
  pod("a", "500m");
  pod("b", "500m");
  EXPECT_EQ(look(), 15'000);
  const auto requests = host_.requests.size();
  pass(5);
  EXPECT_EQ(look(), 10'000);
  EXPECT_EQ(host_.requests.size(), requests);
  pass(10);
  EXPECT_EQ(look(), 15'000);
  EXPECT_GT(host_.requests.size(), requests);
  EXPECT_EQ(status_writes_, 1) << "nothing changed";
  // But a new spec is.
  hpa_.mutable_spec()->set_min_replicas(3);
  host_.cache(hpa_);
  look();
  EXPECT_EQ(scale_.spec().replicas(), 3);
  EXPECT_EQ(last_event(), "SuccessfulRescale: New size: 3; reason: Current number of replicas below Spec.MinReplicas");
}

TEST_F(AutoscalerTest, ShrinksAfterFiveQuietMinutes) {
  scale_.mutable_spec()->set_replicas(4);
  for (const char* name : {"a", "b", "c", "d"}) pod(name, "100m");
  look();
  EXPECT_EQ(scale_.spec().replicas(), 4);
  EXPECT_EQ(condition("AbleToScale").substr(0, 24), "True ScaleDownStabilized");
  pass(301);
  look();
  EXPECT_EQ(scale_.spec().replicas(), 1);
  EXPECT_EQ(last_event(), "SuccessfulRescale: New size: 1; reason: All metrics below target");
}

TEST_F(AutoscalerTest, AClockThatWasSetBackHoldsNothingUp) {
  pod("a", "500m");
  pod("b", "500m");
  look();
  const auto requests = host_.requests.size();
  pass(-86'400);
  EXPECT_EQ(look(), 15'000);
  EXPECT_GT(host_.requests.size(), requests);
}

TEST_F(AutoscalerTest, NoReplicasMeansOff) {
  scale_.mutable_spec()->set_replicas(0);
  look();
  EXPECT_EQ(scale_.spec().replicas(), 0);
  EXPECT_EQ(condition("ScalingActive"),
            "False ScalingDisabled: scaling is disabled since the replica count of the target is zero");
}

TEST_F(AutoscalerTest, AKindWithoutScaleIsSaid) {
  scale_failure_ =
      Status::not_found(R"({"kind":"Status","message":"the server could not find the requested resource"})");
  EXPECT_EQ(look(), 15'000);
  EXPECT_EQ(condition("AbleToScale"),
            "False FailedGetScale: the HPA controller was unable to get the target's current scale: the server could "
            "not find the requested resource");
  EXPECT_EQ(last_event(), "FailedGetScale: the server could not find the requested resource");
}

TEST_F(AutoscalerTest, AKindThatNobodyServesIsAskedForSeldom) {
  hpa_.mutable_spec()->mutable_scale_target_ref()->set_kind("Nothing");
  host_.cache(hpa_);
  look();
  EXPECT_EQ(
      condition("AbleToScale"),
      "False FailedGetScale: the HPA controller was unable to get the target's current scale: no matches for kind "
      "\"Nothing\" in group \"apps\"");
  const auto asked = [&] {
    return std::count_if(host_.requests.begin(), host_.requests.end(),
                         [](const auto& request) { return request.verb() == abi::ApiRequest::DISCOVER; });
  };
  EXPECT_EQ(asked(), 1);
  hpa_.mutable_spec()->set_max_replicas(11);
  host_.cache(hpa_);
  look();
  EXPECT_EQ(asked(), 1);
}

TEST_F(AutoscalerTest, WithoutMeasurementsNothingIsDone) {
  pod("a", "900m");
  metrics_.clear();
  EXPECT_EQ(look(), 15'000);
  EXPECT_EQ(scale_.spec().replicas(), 2);
  const std::string why =
      "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource "
      "metrics API";
  EXPECT_EQ(condition("ScalingActive"),
            "False FailedGetResourceMetric: the HPA was unable to compute the replica count: " + why);
  EXPECT_EQ(last_event(), "FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: " + why);
}

TEST_F(AutoscalerTest, MetricsThatNoServerHasAreSaid) {
  pod("a", "900m");
  pod("b", "900m");
  auto& metric = *hpa_.mutable_spec()->add_metrics();
  metric.set_type("Pods");
  metric.mutable_pods()->mutable_metric()->set_name("hits");
  host_.cache(hpa_);
  look();
  // The other one may let it grow.
  EXPECT_EQ(scale_.spec().replicas(), 4);
  EXPECT_EQ(host_.events[0].reason, "FailedGetPodsMetric");
  // But not shrink.
  metrics_.clear();
  scale_.mutable_spec()->set_replicas(2);
  pod("a", "10m");
  pod("b", "10m");
  pass(400);
  look();
  EXPECT_EQ(scale_.spec().replicas(), 2);
  EXPECT_EQ(
      condition("ScalingActive"),
      "False FailedGetPodsMetric: the HPA was unable to compute the replica count: failed to get pods metric value: "
      "unable to get metric hits: unable to fetch metrics from custom metrics API: the server could not find the "
      "requested resource");
}

TEST_F(AutoscalerTest, ARequestThatIsMissingIsNamed) {
  pod("a", "900m");
  auto pods = sdk::Host(&host_.host).cached_list<corev1::Pod>("shop");
  pods->at(0).mutable_spec()->mutable_containers(0)->clear_resources();
  host_.cache(pods->at(0));
  look();
  EXPECT_EQ(condition("ScalingActive"),
            "False FailedGetResourceMetric: the HPA was unable to compute the replica count: failed to get cpu "
            "utilization: missing request for cpu in container main of Pod a");
}

TEST_F(AutoscalerTest, OneContainerOfThePods) {
  pod("a", "100m");
  auto& side = *metrics_[0].add_containers();
  side.set_name("side");
  (*side.mutable_usage())["cpu"].set_string("600m");
  auto& metric = *hpa_.mutable_spec()->mutable_metrics(0);
  metric.clear_resource();
  metric.set_type("ContainerResource");
  metric.mutable_container_resource()->set_name("cpu");
  metric.mutable_container_resource()->set_container("side");
  metric.mutable_container_resource()->mutable_target()->mutable_average_value()->set_string("200m");
  host_.cache(hpa_);
  scale_.mutable_spec()->set_replicas(1);
  look();
  EXPECT_EQ(scale_.spec().replicas(), 3);
  EXPECT_EQ(hpa_.status().current_metrics(0).container_resource().current().average_value().string(), "600m");
}

TEST_F(AutoscalerTest, TwoOfTheSamePodsDoNothing) {
  pod("a", "900m");
  pod("b", "900m");
  look();
  EXPECT_EQ(scale_.spec().replicas(), 4);
  auto other = hpa_;
  other.mutable_metadata()->set_name("other");
  other.mutable_metadata()->set_uid("hpa-2");
  host_.cache(other);
  look("other");
  EXPECT_EQ(condition("ScalingActive"),
            "False AmbiguousSelector: pods by selector app=web are controlled by multiple HPAs: [shop/other shop/web]");
  EXPECT_EQ(scale_.spec().replicas(), 4);
  // Until one of them goes.
  host_.uncache("autoscaling", "horizontalpodautoscalers", "shop", "web");
  look("web");
  scale_.mutable_spec()->set_replicas(2);
  pass(15);
  look("other");
  EXPECT_EQ(scale_.spec().replicas(), 4);
}

TEST_F(AutoscalerTest, AScaleThatCanNotBeWrittenIsSaid) {
  pod("a", "900m");
  pod("b", "900m");
  host_.api = [this](const abi::ApiRequest& request) -> testkit::ScriptedHost::Answer {
    if (request.subresource() == "scale" && request.verb() == abi::ApiRequest::UPDATE) {
      return Status::forbidden("quota");
    }
    return answer(request);
  };
  EXPECT_EQ(look(), 15'000);
  EXPECT_EQ(condition("AbleToScale"),
            "False FailedUpdateScale: the HPA controller was unable to update the target scale: quota");
  EXPECT_EQ(last_event().substr(0, 27), "FailedRescale: New size: 4;");
  EXPECT_FALSE(hpa_.status().has_last_scale_time());
}

TEST_F(AutoscalerTest, APodThatJustStartedIsNotJudged) {
  pod("a", "500m");
  pod("b", "3");
  auto fresh = *sdk::Host(&host_.host).cached<corev1::Pod>("shop", "b");
  *fresh.mutable_status()->mutable_start_time() = to_time(kNow - 20 * kNanosPerSecond);
  *fresh.mutable_status()->mutable_conditions(0)->mutable_last_transition_time() = to_time(kNow - 5 * kNanosPerSecond);
  host_.cache(fresh);
  look();
  EXPECT_EQ(scale_.spec().replicas(), 2);
  // Once it was measured since it became ready, it is.
  pass(30);
  *metrics_[1].mutable_timestamp() = to_time(host_.now_ns);
  look();
  EXPECT_EQ(scale_.spec().replicas(), 4);
}

}  // namespace
}  // namespace gantry::autoscaler
