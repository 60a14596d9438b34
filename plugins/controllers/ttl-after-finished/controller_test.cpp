#include "controller.hpp"

#include <gtest/gtest.h>

#include "gantry/times.hpp"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::ttl_after_finished {
namespace {

using testkit::ScriptedHost;

struct TtlTest : testing::Test {
  TtlTest() {
    server = ended_job(10);
    host.cache(server);
    host.api = [this](const abi::ApiRequest& request) -> ScriptedHost::Answer {
      if (request.verb() == abi::ApiRequest::GET) {
        if (gone) return Status::not_found("gone");
        return ScriptedHost::answer(server);
      }
      deletions.push_back(request);
      return refusal.ok() ? ScriptedHost::Answer(abi::ApiResponse()) : refusal;
    };
  }
  batchv1::Job ended_job(int32_t ttl, const char* type = "Complete") const {
    batchv1::Job job;
    job.mutable_metadata()->set_namespace_("shop");
    job.mutable_metadata()->set_name("work");
    job.mutable_metadata()->set_uid("u1");
    job.mutable_metadata()->set_resource_version("7");
    job.mutable_spec()->set_ttl_seconds_after_finished(ttl);
    auto& condition = *job.mutable_status()->add_conditions();
    condition.set_type(type);
    condition.set_status("True");
    *condition.mutable_last_transition_time() = to_time(host.now_ns);
    return job;
  }
  int64_t wait() {
    auto done = TtlController(sdk::Host(&host.host)).reconcile({"shop", "work"});
    EXPECT_TRUE(done.ok()) << done.error().message();
    return done ? done->requeue_after_ms : -1;
  }

  ScriptedHost host;
  batchv1::Job server;
  bool gone = false;
  Status refusal;
  std::vector<abi::ApiRequest> deletions;
};

TEST_F(TtlTest, DeletesWhenTheTimeHasCome) {
  EXPECT_EQ(wait(), 10'000);
  host.now_ns += 9'500 * kNanosPerMilli;
  EXPECT_EQ(wait(), 500);
  EXPECT_TRUE(host.requests.empty());
  host.now_ns += 500 * kNanosPerMilli;
  EXPECT_EQ(wait(), 0);
  ASSERT_EQ(deletions.size(), 1U);
  metav1::DeleteOptions how;
  how.ParseFromString(deletions[0].body());
  EXPECT_EQ(how.propagation_policy(), "Foreground");
  EXPECT_EQ(how.preconditions().uid() + " " + how.preconditions().resource_version(), "u1 7");
}

TEST_F(TtlTest, AtOnceWithZero) {
  host.cache(server = ended_job(0, "Failed"));
  EXPECT_EQ(wait(), 0);
  EXPECT_EQ(deletions.size(), 1U);
}

TEST_F(TtlTest, TheServersWordIsTheLast) {
  host.now_ns += 20 * kNanosPerSecond;
  server.mutable_spec()->set_ttl_seconds_after_finished(60);
  EXPECT_EQ(wait(), 40'000);
  server.mutable_spec()->clear_ttl_seconds_after_finished();
  EXPECT_EQ(wait(), 0);
  gone = true;
  EXPECT_EQ(wait(), 0);
  EXPECT_TRUE(deletions.empty());
}

TEST_F(TtlTest, OneThatIsGoneMeanwhileIsNoFailureAndAConflictIsTriedAgain) {
  host.now_ns += 10 * kNanosPerSecond;
  refusal = Status::not_found("gone");
  EXPECT_EQ(wait(), 0);
  refusal = Status::conflict("written meanwhile");
  EXPECT_EQ(TtlController(sdk::Host(&host.host)).reconcile({"shop", "work"}).error().code(), 409);
}

TEST_F(TtlTest, OnlyJobsThatAreDoneAndHaveATime) {
  auto job = ended_job(10);
  EXPECT_EQ(expires_at_ns(job), host.now_ns + 10 * kNanosPerSecond);
  job.mutable_status()->mutable_conditions(0)->set_status("False");
  EXPECT_EQ(expires_at_ns(job), std::nullopt);
  EXPECT_EQ(expires_at_ns(ended_job(10, "FailureTarget")), std::nullopt);
  job = ended_job(10);
  *job.mutable_metadata()->mutable_deletion_timestamp() = to_time(host.now_ns);
  EXPECT_EQ(expires_at_ns(job), std::nullopt);
  job = ended_job(10);
  job.mutable_spec()->clear_ttl_seconds_after_finished();
  EXPECT_EQ(expires_at_ns(job), std::nullopt);
  job = ended_job(10);
  job.mutable_status()->mutable_conditions(0)->clear_last_transition_time();
  EXPECT_EQ(expires_at_ns(job), std::nullopt);
}

// Of a clock that was set back the end is in the future; it is waited for, and
// nothing overflows.
TEST_F(TtlTest, AClockThatJumps) {
  host.now_ns -= 3'600 * kNanosPerSecond;
  EXPECT_EQ(wait(), 3'610'000);
  host.cache(server = ended_job(2'147'483'647));
  EXPECT_EQ(wait(), 2'147'483'647'000);
}

}  // namespace
}  // namespace gantry::ttl_after_finished
