// For tests: a CronJob on a scripted host whose API keeps what is written, at half a minute to ten.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller.hpp"
#include "gantry/times.hpp"
#include "jobs.hpp"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::cronjob {

using testkit::ScriptedHost;

inline constexpr int64_t kOneSecond = kNanosPerSecond;
inline constexpr int64_t kTen = 1'780'308'000 * kOneSecond;  // 2026-06-01T10:00:00Z
inline constexpr int64_t kMinutesAtTen = 29'671'800;

struct CronRound : testing::Test {
  CronRound() {
    host.now_ns = kTen - 30 * kOneSecond;
    auto& meta = *one.mutable_metadata();
    meta.set_namespace_("shop");
    meta.set_name("nightly");
    meta.set_uid("uid-nightly");
    *meta.mutable_creation_timestamp() = to_time(kTen - 3600 * kOneSecond);
    auto& spec = *one.mutable_spec();
    spec.set_schedule("0 10 * * *");
    spec.set_concurrency_policy("Allow");
    spec.set_successful_jobs_history_limit(3);
    spec.set_failed_jobs_history_limit(1);
    host.cache(one);
    host.api = [this](const abi::ApiRequest& request) { return answer(request); };
  }
  ScriptedHost::Answer answer(const abi::ApiRequest& request) {
    const bool job = request.resource() == "jobs";
    if (request.verb() == abi::ApiRequest::CREATE) return create(request);
    if (request.verb() == abi::ApiRequest::GET && !job) return ScriptedHost::answer(stored ? *stored : one);
    if (request.verb() == abi::ApiRequest::GET) {
      const auto it = jobs.find(request.name());
      return it == jobs.end() ? ScriptedHost::Answer(Status::not_found("no such job"))
                              : ScriptedHost::answer(it->second);
    }
    if (request.verb() == abi::ApiRequest::DELETE) return remove(request);
    EXPECT_EQ(request.subresource(), "status");
    if (!write_refusal.ok()) return write_refusal;
    one.ParseFromString(request.body());
    ++written;
    host.cache(one);
    return ScriptedHost::answer(one);
  }
  ScriptedHost::Answer create(const abi::ApiRequest& request) {
    if (!create_refusal.ok()) return create_refusal;
    batchv1::Job job;
    job.ParseFromString(request.body());
    const auto& name = job.metadata().name();
    if (jobs.contains(name)) return Status::already_exists("jobs.batch \"" + name + "\" already exists");
    job.mutable_metadata()->set_uid("uid-" + name);
    keep(job);
    return ScriptedHost::answer(job);
  }
  ScriptedHost::Answer remove(const abi::ApiRequest& request) {
    metav1::DeleteOptions how;
    how.ParseFromString(request.body());
    EXPECT_EQ(how.propagation_policy(), "Background");
    if (!delete_refusal.ok()) return delete_refusal;
    const auto it = jobs.find(request.name());
    if (it == jobs.end()) return Status::not_found("no such job");
    EXPECT_EQ(how.preconditions().uid(), it->second.metadata().uid());
    jobs.erase(it);
    host.uncache("batch", "jobs", "shop", request.name());
    return abi::ApiResponse();
  }
  void keep(const batchv1::Job& job) {
    jobs[job.metadata().name()] = job;
    host.cache(job);
  }
  batchv1::Job job_at(int64_t minutes, const std::string& end = {}) {
    batchv1::Job job;
    job.mutable_metadata()->set_namespace_("shop");
    job.mutable_metadata()->set_name("nightly-" + std::to_string(kMinutesAtTen + minutes));
    job.mutable_metadata()->set_uid("uid-" + job.metadata().name());
    auto& owner = *job.mutable_metadata()->add_owner_references();
    owner.set_uid("uid-nightly");
    owner.set_controller(true);
    job.mutable_status()->mutable_start_time()->set_seconds((kMinutesAtTen + minutes) * 60);
    if (end.empty()) return job;
    auto& condition = *job.mutable_status()->add_conditions();
    condition.set_type(end);
    condition.set_status("True");
    if (end == "Complete") *job.mutable_status()->mutable_completion_time() = to_time(host.now_ns);
    return job;
  }
  void set_active(const batchv1::Job& job) { *one.mutable_status()->add_active() = reference_to_job(job); }
  void change(const std::function<void(batchv1::CronJobSpec&)>& how) {
    how(*one.mutable_spec());
    host.cache(one);
  }
  // "again after so many ms", or the error.
  std::string look() {
    const auto done = controller.reconcile({"shop", "nightly"});
    return done ? std::to_string(done->requeue_after_ms) : done.error().message();
  }
  std::vector<std::string> told() {
    std::vector<std::string> texts;
    for (const auto& event : host.events) texts.push_back(event.type + " " + event.reason + ": " + event.message);
    host.events.clear();
    return texts;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, job] : jobs) all.push_back(name);
    return all;
  }
  std::vector<std::string> active() const {
    std::vector<std::string> all;
    for (const auto& ref : one.status().active()) all.push_back(ref.name());
    return all;
  }

  ScriptedHost host;
  CronJobController controller{sdk::Host(&host.host)};
  batchv1::CronJob one;
  std::optional<batchv1::CronJob> stored;  // newer than the cache
  std::map<std::string, batchv1::Job> jobs;
  Status create_refusal, delete_refusal, write_refusal;
  int written = 0;
};

}  // namespace gantry::cronjob
