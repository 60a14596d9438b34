#include "core/node/pod/status_writer.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "core/node/agent_testing.hpp"

namespace gantry::node {
namespace {

using client::ApiRequest;
using testing::make_pod;

// Answers when the test says so.
class SlowApi : public client::Client {
 public:
  void call(ApiRequest request, client::Done done) override {
    waiting.emplace_back(std::move(request), std::move(done));
  }
  std::unique_ptr<client::Watch> watch(client::WatchRequest, client::WatchHandler) override { return nullptr; }
  void list(client::WatchRequest, std::function<void(Expected<List>)>) override {}

  ApiRequest::Verb next() const { return waiting.front().first.verb(); }
  corev1::Pod body() const {
    corev1::Pod pod;
    pod.ParseFromString(waiting.front().first.body());
    return pod;
  }
  void answer(Expected<client::ApiResponse> response) {
    auto done = std::move(waiting.front().second);
    waiting.pop_front();
    done(std::move(response));
  }
  void answer(const corev1::Pod& pod) {
    client::ApiResponse response;
    response.add_objects(pod.SerializeAsString());
    answer(Expected<client::ApiResponse>(response));
  }
  // The write is taken and gets a version.
  void accept(int version) {
    auto pod = body();
    pod.mutable_metadata()->set_resource_version(std::to_string(version));
    answer(pod);
  }

  std::deque<std::pair<ApiRequest, client::Done>> waiting;
};

struct StatusWriterTest : ::testing::Test {
  SlowApi api;
  corev1::Pod pod = make_pod("p");
  int settled = 0;
  std::vector<std::function<void()>> later;
  std::vector<int64_t> delays;
  std::vector<std::string> failures;
  StatusWriter writer{api,
                      {[this](const std::string&) { return std::make_shared<const corev1::Pod>(pod); },
                       [this](const std::string&) { ++settled; },
                       [this](int64_t delay, std::function<void()> fire) {
                         delays.push_back(delay);
                         later.push_back(std::move(fire));
                       },
                       [this](const std::string&, const Status& why, bool for_good) {
                         failures.push_back((for_good ? "for good: " : "for now: ") + why.message());
                       }}};

  void SetUp() override { pod.mutable_metadata()->set_resource_version("1"); }
  static corev1::PodStatus phase(const std::string& name) {
    corev1::PodStatus status;
    status.set_phase(name);
    return status;
  }
};

TEST_F(StatusWriterTest, TheLatestWinsAndOneRequestIsUnderWay) {
  writer.set(pod, phase("Pending"));
  writer.set(pod, phase("Running"));
  writer.set(pod, phase("Failed"));
  ASSERT_EQ(api.waiting.size(), 1u);
  EXPECT_EQ(api.body().status().phase(), "Pending");
  EXPECT_FALSE(writer.settled("uid-p"));
  api.accept(2);
  ASSERT_EQ(api.waiting.size(), 1u);
  EXPECT_EQ(api.body().status().phase(), "Failed");
  EXPECT_EQ(api.body().metadata().resource_version(), "2");
  EXPECT_EQ(settled, 0);
  api.accept(3);
  EXPECT_TRUE(api.waiting.empty());
  EXPECT_EQ(settled, 1);
  EXPECT_TRUE(writer.settled("uid-p"));
}

TEST_F(StatusWriterTest, WhatIsThereAlreadyIsNotWritten) {
  pod.mutable_status()->set_phase("Running");
  writer.set(pod, phase("Running"));
  EXPECT_TRUE(api.waiting.empty());
  EXPECT_EQ(settled, 1);
}

TEST_F(StatusWriterTest, AfterAConflictTheNewVersionIsTaken) {
  writer.set(pod, phase("Running"));
  api.answer(Expected<client::ApiResponse>(Status::conflict("the object has been modified")));
  ASSERT_EQ(api.waiting.size(), 1u);
  EXPECT_EQ(api.next(), ApiRequest::GET);
  auto fresh = pod;
  fresh.mutable_metadata()->set_resource_version("9");
  fresh.mutable_status()->add_conditions()->set_type("example.com/other");
  api.answer(fresh);
  ASSERT_EQ(api.waiting.size(), 1u);
  EXPECT_EQ(api.body().metadata().resource_version(), "9");
  EXPECT_EQ(api.body().status().phase(), "Running");
  EXPECT_EQ(api.body().status().conditions(0).type(), "example.com/other");
  api.accept(10);
  EXPECT_TRUE(writer.settled("uid-p"));
}

TEST_F(StatusWriterTest, AServerThatCannotBeReachedIsAskedAgain) {
  writer.set(pod, phase("Running"));
  api.answer(Expected<client::ApiResponse>(Status::unavailable("down")));
  EXPECT_TRUE(api.waiting.empty());
  EXPECT_FALSE(writer.settled("uid-p"));
  ASSERT_EQ(later.size(), 1u);
  later[0]();
  ASSERT_EQ(api.waiting.size(), 1u);
  api.accept(2);
  EXPECT_TRUE(writer.settled("uid-p"));
}

TEST_F(StatusWriterTest, APodThatIsGoneOrAnotherIsForgotten) {
  writer.set(pod, phase("Running"));
  api.answer(Expected<client::ApiResponse>(Status::not_found("gone")));
  EXPECT_TRUE(writer.settled("uid-p"));
  EXPECT_EQ(settled, 1);
  writer.set(pod, phase("Running"));
  api.answer(Expected<client::ApiResponse>(Status::conflict("uid")));
  auto another = pod;
  another.mutable_metadata()->set_uid("another");
  api.answer(another);
  EXPECT_TRUE(api.waiting.empty());
  EXPECT_EQ(settled, 2);
}

TEST_F(StatusWriterTest, WhatAnotherWroteOverItIsPutRightButNotAnEnd) {
  writer.set(pod, phase("Running"));
  api.accept(2);
  auto theirs = pod;
  theirs.mutable_metadata()->set_resource_version("3");
  theirs.mutable_status()->set_phase("Failed");
  writer.seen(theirs);
  EXPECT_TRUE(api.waiting.empty());
  theirs.mutable_status()->set_phase("Pending");
  writer.seen(theirs);
  ASSERT_EQ(api.waiting.size(), 1u);
  EXPECT_EQ(api.body().status().phase(), "Running");
  api.accept(4);
  // Its own write comes back.
  theirs.mutable_metadata()->set_resource_version("4");
  writer.seen(theirs);
  EXPECT_TRUE(api.waiting.empty());
}

TEST_F(StatusWriterTest, WhatAnotherWroteOverItBeforeItsAnswerCameIsPutRight) {
  writer.set(pod, phase("Running"));
  ASSERT_EQ(api.waiting.size(), 1u);
  // Our version 2 is stored, and over it theirs, which the watch brings first.
  *pod.mutable_status() = phase("Pending");
  pod.mutable_metadata()->set_resource_version("3");
  writer.seen(pod);
  ASSERT_EQ(api.waiting.size(), 1u);
  api.accept(2);
  EXPECT_EQ(settled, 1);
  ASSERT_EQ(api.waiting.size(), 1u);
  EXPECT_EQ(api.body().status().phase(), "Running");
  EXPECT_EQ(api.body().metadata().resource_version(), "3");
  // And our own version, seen before its answer, is written but once.
  *pod.mutable_status() = phase("Running");
  pod.mutable_metadata()->set_resource_version("4");
  writer.seen(pod);
  api.accept(4);
  EXPECT_TRUE(api.waiting.empty());
  EXPECT_EQ(settled, 2);
}

TEST_F(StatusWriterTest, AStatusThatIsRefusedIsToldOnceAndNotRepeated) {
  for (const int code : {400, 413, 415, 422}) {
    writer.set(pod, phase("Running"));
    ASSERT_EQ(api.waiting.size(), 1u) << code;
    api.answer(Expected<client::ApiResponse>(Status(code, "Refused", "no")));
    EXPECT_TRUE(api.waiting.empty()) << code;
    EXPECT_TRUE(later.empty()) << code;
    EXPECT_TRUE(writer.settled("uid-p")) << code;
  }
  EXPECT_EQ(settled, 4);
  EXPECT_EQ(failures, std::vector<std::string>(4, "for good: no"));
  // Another one is written, and so is one that was set while the first was refused.
  writer.set(pod, phase("Pending"));
  writer.set(pod, phase("Failed"));
  api.answer(Expected<client::ApiResponse>(Status::invalid("no")));
  ASSERT_EQ(api.waiting.size(), 1u);
  EXPECT_EQ(api.body().status().phase(), "Failed");
  api.accept(2);
  EXPECT_TRUE(writer.settled("uid-p"));
  EXPECT_EQ(settled, 5);
}

TEST_F(StatusWriterTest, ARefusedOneIsTriedAgainWhenThePodHasChanged) {
  writer.set(pod, phase("Running"));
  api.answer(Expected<client::ApiResponse>(Status::invalid("no")));
  pod.mutable_metadata()->set_resource_version("2");
  writer.seen(pod);
  ASSERT_EQ(api.waiting.size(), 1u);
  api.accept(3);
  EXPECT_TRUE(writer.settled("uid-p"));
}

TEST_F(StatusWriterTest, WhatMayPassIsTriedAgainLaterAndLaterWithABound) {
  writer.set(pod, phase("Running"));
  for (const int code : {401, 403, 429, 500, 503, 504, 500, 500, 500}) {
    api.answer(Expected<client::ApiResponse>(Status(code, "Busy", "wait")));
    ASSERT_FALSE(later.empty()) << code;
    EXPECT_FALSE(writer.settled("uid-p"));
    auto fire = std::move(later.back());
    later.clear();
    fire();
    ASSERT_EQ(api.waiting.size(), 1u) << code;
  }
  EXPECT_EQ(delays, (std::vector<int64_t>{200, 400, 800, 1600, 3200, 6400, 10'000, 10'000, 10'000}));
  EXPECT_EQ(failures.size(), 9u);
  EXPECT_EQ(failures.front(), "for now: wait");
  api.accept(2);
  EXPECT_TRUE(writer.settled("uid-p"));
}

TEST_F(StatusWriterTest, WhatIsNoTextBecomesText) {
  corev1::PodStatus status = phase("Running");
  const std::string bytes = "caf\xE9", text = "caf\xEF\xBF\xBD";
  status.set_message(bytes);
  status.set_reason(bytes);
  status.add_conditions()->set_message(bytes);
  status.mutable_conditions(0)->set_reason(bytes);
  for (auto* statuses : {status.mutable_container_statuses(), status.mutable_init_container_statuses()}) {
    auto& container = *statuses->Add();
    container.set_image(bytes);
    container.set_image_id(bytes);
    container.mutable_state()->mutable_waiting()->set_message(bytes);
    container.mutable_state()->mutable_waiting()->set_reason(bytes);
    container.mutable_last_state()->mutable_terminated()->set_message(bytes);
    container.mutable_last_state()->mutable_terminated()->set_reason(bytes);
  }
  writer.set(pod, status);
  ASSERT_EQ(api.waiting.size(), 1u);
  const auto sent = api.body().status();
  EXPECT_EQ(sent.message(), text);
  EXPECT_EQ(sent.reason(), text);
  EXPECT_EQ(sent.conditions(0).message(), text);
  EXPECT_EQ(sent.conditions(0).reason(), text);
  for (const auto* statuses : {&sent.container_statuses(), &sent.init_container_statuses()}) {
    const auto& container = statuses->Get(0);
    EXPECT_EQ(container.image(), text);
    EXPECT_EQ(container.image_id(), text);
    EXPECT_EQ(container.state().waiting().message(), text);
    EXPECT_EQ(container.state().waiting().reason(), text);
    EXPECT_EQ(container.last_state().terminated().message(), text);
    EXPECT_EQ(container.last_state().terminated().reason(), text);
  }
}

}  // namespace
}  // namespace gantry::node
