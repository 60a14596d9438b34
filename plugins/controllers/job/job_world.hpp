// A server of Jobs and pods for unit tests, on a scripted host: keeps objects, refuses stale statuses, and can let the
// controller's process end at any of its writes. One thread.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "controller.hpp"
#include "gantry/conditions.hpp"
#include "gantry/ownership.hpp"
#include "gantry/pods.hpp"
#include "gantry/times.hpp"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::job {

class JobWorld {
 public:
  using Verb = abi::ApiRequest::Verb;

  JobWorld() {
    host.api = [this](const abi::ApiRequest& request) { return answer(request); };
    restart();
  }

  // A Job as the API server keeps it: with defaults, a selector and labels.
  static batchv1::Job make_job(int32_t parallelism, int32_t completions, bool indexed = false) {
    batchv1::Job job;
    auto& meta = *job.mutable_metadata();
    meta.set_namespace_("shop");
    meta.set_name("work");
    meta.set_uid("uid-work");
    auto& spec = *job.mutable_spec();
    spec.set_parallelism(parallelism);
    if (completions >= 0) spec.set_completions(completions);
    spec.set_completion_mode(indexed ? "Indexed" : "NonIndexed");
    spec.set_backoff_limit(6);
    spec.set_pod_replacement_policy("TerminatingOrFailed");
    (*spec.mutable_selector()->mutable_match_labels())["batch.kubernetes.io/controller-uid"] = "uid-work";
    auto& labels = *spec.mutable_template_()->mutable_metadata()->mutable_labels();
    labels["batch.kubernetes.io/controller-uid"] = "uid-work";
    spec.mutable_template_()->mutable_spec()->set_restart_policy("Never");
    spec.mutable_template_()->mutable_spec()->add_containers()->set_name("main");
    return job;
  }
  void put(batchv1::Job wanted) {
    wanted.mutable_metadata()->set_resource_version(std::to_string(++version_));
    job = std::move(wanted);
    host.cache(job);
  }
  template <typename Change>
  void change(Change&& change) {
    auto wanted = job;
    change(*wanted.mutable_spec());
    put(std::move(wanted));
  }

  // Another process, which knows nothing but what the server has.
  void restart() {
    controller = std::make_unique<JobController>(sdk::Host(&host.host));
    dead = false;
  }
  Expected<JobController::Result> reconcile(const std::string& name = "work") {
    auto result = controller->reconcile({"shop", name});
    if (result) due_ms = result->requeue_after_ms;
    return result;
  }
  // Until nothing changes any more.
  void settle() {
    for (int round = 0; round < 50; ++round) {
      const auto before = version_;
      const auto result = reconcile();
      if (!result && dead) return;
      if (result && before == version_) return;
    }
    ADD_FAILURE() << "the controller never comes to rest";
  }
  void pass_ms(int64_t ms) { host.now_ns += ms * kNanosPerMilli; }

  std::vector<corev1::Pod> pods() const {
    std::vector<corev1::Pod> out;
    const auto cached = host.caches.find({"", "pods"});
    if (cached == host.caches.end()) return out;
    for (const auto& [key, object] : cached->second) out.emplace_back().ParseFromString(object.bytes);
    return out;
  }
  std::vector<corev1::Pod> active() const {
    auto all = pods();
    std::erase_if(all, [](const auto& pod) { return !sdk::is_active(pod); });
    return all;
  }
  void write(corev1::Pod pod) {
    pod.mutable_metadata()->set_resource_version(std::to_string(++version_));
    if (pod.metadata().has_deletion_timestamp() && pod.metadata().finalizers().empty() && !lingers) {
      return host.uncache("", "pods", "shop", pod.metadata().name());
    }
    host.cache(pod);
  }
  void run_pod(corev1::Pod pod, bool ready = true) {
    pod.mutable_status()->set_phase("Running");
    auto& condition = *pod.mutable_status()->add_conditions();
    condition.set_type("Ready");
    condition.set_status(ready ? "True" : "False");
    write(std::move(pod));
  }
  void end_pod(corev1::Pod pod, int32_t code) {
    auto& status = *pod.mutable_status();
    status.set_phase(code == 0 ? "Succeeded" : "Failed");
    status.clear_conditions();
    auto& container = *status.add_container_statuses();
    container.set_name("main");
    auto& terminated = *container.mutable_state()->mutable_terminated();
    terminated.set_exit_code(code);
    *terminated.mutable_finished_at() = to_time(host.now_ns);
    write(std::move(pod));
  }

  // "Type=Status Reason: Message" of each.
  std::vector<std::string> conditions() const {
    std::vector<std::string> out;
    for (const auto& c : job.status().conditions()) {
      out.push_back(c.type() + "=" + c.status() + " " + c.reason() + ": " + c.message());
    }
    return out;
  }
  bool is(const char* condition) const { return sdk::is_condition_true(job.status().conditions(), condition); }
  // "Reason: message" of the Events that are not about single pods.
  std::vector<std::string> told() const {
    std::vector<std::string> out;
    for (const auto& event : host.events) {
      if (event.reason != "SuccessfulCreate" && event.reason != "SuccessfulDelete") {
        out.push_back(event.reason + ": " + event.message);
      }
    }
    return out;
  }

  testkit::ScriptedHost host;
  batchv1::Job job;
  std::unique_ptr<JobController> controller;
  int64_t due_ms = 0;
  bool lingers = false;  // pods that are deleted stay until the test says otherwise
  Status refuse_pods;    // of creations

  // The process ends at its write of this number from now on (1: the next), before or after the server did it.
  void die_at(int write, bool after) {
    writes_left_ = write;
    dies_after_ = after;
  }
  bool dead = false;
  size_t made = 0;

 private:
  using Answer = testkit::ScriptedHost::Answer;

  Answer answer(const abi::ApiRequest& request) {
    if (dead) return Status::unavailable("the process has ended");
    if (request.verb() == Verb::ApiRequest_Verb_GET) return testkit::ScriptedHost::answer(job);
    const bool last = writes_left_ > 0 && --writes_left_ == 0;
    if (last) dead = true;
    if (last && !dies_after_) return Status::unavailable("the process ends");
    auto done = write_answer(request);
    return last ? Answer(Status::unavailable("the process ended")) : done;
  }
  Answer write_answer(const abi::ApiRequest& request) {
    if (request.resource() == "jobs") return write_status(request);
    if (request.verb() == Verb::ApiRequest_Verb_CREATE) return create(request);
    auto pod = sdk::Host(&host.host).cached<corev1::Pod>("shop", request.name());
    if (!pod) return Status::not_found("no such pod");
    auto& meta = *pod->mutable_metadata();
    if (request.verb() == Verb::ApiRequest_Verb_DELETE) {
      *meta.mutable_deletion_timestamp() = to_time(host.now_ns);
    } else {
      EXPECT_NE(request.body().find("\"uid\":\"" + meta.uid() + "\""), std::string::npos);
      patch(request.body(), meta);
    }
    write(*pod);
    return testkit::ScriptedHost::answer(*pod);
  }
  static void patch(const std::string& body, metav1::ObjectMeta& meta) {
    if (body.find("$deleteFromPrimitiveList/finalizers") != std::string::npos) meta.clear_finalizers();
    if (body.find("\"$patch\":\"delete\"") != std::string::npos) return meta.clear_owner_references();
    if (body.find("\"ownerReferences\"") == std::string::npos) return;
    EXPECT_NE(body.find("\"finalizers\":[\"" + std::string(kTracking) + "\"]"), std::string::npos) << body;
    meta.add_finalizers(kTracking);
    auto& owner = *meta.add_owner_references();
    owner.set_api_version(kApiVersion);
    owner.set_kind(kKind);
    owner.set_name("work");
    owner.set_uid("uid-work");
    owner.set_controller(true);
  }
  Answer create(const abi::ApiRequest& request) {
    if (!refuse_pods.ok()) return refuse_pods;
    corev1::Pod pod;
    pod.ParseFromString(request.body());
    auto& meta = *pod.mutable_metadata();
    meta.set_name(meta.generate_name() + std::to_string(10'000 + ++made));
    meta.set_uid("uid-" + meta.name());
    *meta.mutable_creation_timestamp() = to_time(host.now_ns);
    pod.mutable_status()->set_phase("Pending");
    write(pod);
    return testkit::ScriptedHost::answer(pod);
  }
  Answer write_status(const abi::ApiRequest& request) {
    batchv1::Job wanted;
    wanted.ParseFromString(request.body());
    EXPECT_EQ(request.subresource(), "status");
    if (wanted.metadata().resource_version() != job.metadata().resource_version()) return Status::conflict("stale");
    check(wanted.status());
    *job.mutable_status() = wanted.status();
    put(job);
    return testkit::ScriptedHost::answer(job);
  }
  // What no status may say or take back.
  void check(const batchv1::JobStatus& next) const {
    EXPECT_GE(next.failed(), job.status().failed());
    EXPECT_GE(next.succeeded(), job.status().succeeded());
    EXPECT_LE(next.ready(), next.active());
    const bool ends =
        sdk::is_condition_true(next.conditions(), "Complete") || sdk::is_condition_true(next.conditions(), "Failed");
    if (!ends) return;
    EXPECT_TRUE(next.has_start_time());
    EXPECT_EQ(next.active() + next.terminating(), 0);
    EXPECT_EQ(next.uncounted_terminated_pods().failed_size() + next.uncounted_terminated_pods().succeeded_size(), 0);
  }

  int64_t version_ = 0;
  int writes_left_ = 0;
  bool dies_after_ = false;
};

}  // namespace gantry::job
