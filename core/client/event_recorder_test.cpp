// Correlation by itself, and the recorder against a client whose answers the test gives.
#include "core/client/event_recorder.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "core/client/event_correlator.hpp"
#include "core/limits/notices.hpp"

namespace gantry::client {
namespace {

using Event = EventCorrelator::Event;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'700'000'000 * kSecond;

std::string reference(const std::string& name, const std::string& ns = "shop") {
  k8s::io::api::core::v1::ObjectReference about;
  about.set_kind("Pod");
  about.set_api_version("v1");
  about.set_namespace_(ns);
  about.set_name(name);
  about.set_uid("uid-" + name);
  return about.SerializeAsString();
}

Event event_about(const std::string& pod, const std::string& message, const std::string& reason = "Pulled") {
  Event event;
  EXPECT_TRUE(event.mutable_involved_object()->ParseFromString(reference(pod)));
  event.mutable_metadata()->set_namespace_("shop");
  event.mutable_source()->set_component("kubelet");
  event.set_type("Normal");
  event.set_reason(reason);
  event.set_message(message);
  return event;
}

TEST(EventCorrelator, RepeatsRaiseTheCountOfTheFirst) {
  EventCorrelator correlator;
  const auto first = correlator.correlate(event_about("web", "image present"), kStart);
  const auto second = correlator.correlate(event_about("web", "image present"), kStart + 5 * kSecond);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->event.count(), 1);
  EXPECT_EQ(second->event.count(), 2);
  EXPECT_EQ(first->key, second->key);
  EXPECT_EQ(first->event.metadata().name(), second->event.metadata().name());
  EXPECT_TRUE(first->event.metadata().name().starts_with("web."));
  EXPECT_EQ(second->event.first_timestamp().seconds(), kStart / kSecond);
  EXPECT_EQ(second->event.last_timestamp().seconds(), kStart / kSecond + 5);
}

TEST(EventCorrelator, NamesDifferWithinOneNanosecond) {
  EventCorrelator correlator;
  const auto first = correlator.correlate(event_about("web", "a"), kStart);
  const auto second = correlator.correlate(event_about("web", "b"), kStart);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->event.metadata().name(), second->event.metadata().name());
}

TEST(EventCorrelator, TheTenthSimilarOneBecomesACombinedEvent) {
  EventCorrelator correlator;
  std::string combined_name;
  for (int i = 1; i <= 12; ++i) {
    const auto result = correlator.correlate(event_about("web", "try " + std::to_string(i)), kStart + i);
    ASSERT_TRUE(result) << i;
    const bool combined = result->event.message().starts_with("(combined from similar events): ");
    EXPECT_EQ(combined, i >= 10) << i;
    if (i == 10) combined_name = result->event.metadata().name();
    if (i > 10) {
      EXPECT_EQ(result->event.metadata().name(), combined_name);
      EXPECT_EQ(result->event.count(), i - 9);
    }
  }
}

TEST(EventCorrelator, SimilarOnesAreForgottenAfterTenMinutes) {
  EventCorrelator correlator;
  for (int i = 1; i <= 9; ++i) (void)correlator.correlate(event_about("web", std::to_string(i)), kStart);
  const auto later = correlator.correlate(event_about("web", "new"), kStart + 601 * kSecond);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->event.message(), "new");
}

TEST(EventCorrelator, AnObjectGetsTwentyFiveThenOneIn5Minutes) {
  EventCorrelator correlator;
  for (int i = 0; i < 25; ++i) EXPECT_TRUE(correlator.correlate(event_about("web", "same"), kStart)) << i;
  EXPECT_FALSE(correlator.correlate(event_about("web", "same"), kStart));
  EXPECT_TRUE(correlator.correlate(event_about("other", "same"), kStart));
  EXPECT_FALSE(correlator.correlate(event_about("web", "same"), kStart + 299 * kSecond));
  const auto after = correlator.correlate(event_about("web", "same"), kStart + 301 * kSecond);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->event.count(), 28);  // those held back were counted
}

TEST(RecentlyUsed, ForgetsTheOldest) {
  RecentlyUsed<int> cache(2);
  cache.at("a") = 1;
  cache.at("b") = 2;
  EXPECT_EQ(cache.at("a"), 1);
  cache.at("c") = 3;  // b goes
  EXPECT_EQ(cache.at("a"), 1);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.at("b"), 0);
}

// Keeps the calls for the test to answer, or answers at once.
class FakeClient : public Client {
 public:
  struct Call {
    ApiRequest request;
    Done done;
  };
  using Client::call;
  void call(ApiRequest request, Done done) override {
    std::function<Expected<ApiResponse>(const ApiRequest&)> at_once;
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
      at_once = answer_;
      if (!at_once) pending_.push_back({request, done});
    }
    changed_.notify_all();
    if (at_once) done(at_once(request));
  }
  std::unique_ptr<Watch> watch(WatchRequest, WatchHandler) override { return nullptr; }
  void list(WatchRequest, std::function<void(Expected<List>)>) override {}

  void answer_all(std::function<Expected<ApiResponse>(const ApiRequest&)> answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  // The next call that waits; an empty one after the deadline.
  Call next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [&] { return !pending_.empty(); })) return {};
    Call call = std::move(pending_.front());
    pending_.pop_front();
    return call;
  }
  bool wait_for_requests(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return requests_.size() >= count; });
  }
  std::vector<ApiRequest> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<Expected<ApiResponse>(const ApiRequest&)> answer_;
  std::deque<Call> pending_;
  std::vector<ApiRequest> requests_;
};

Expected<ApiResponse> fine(const ApiRequest&) { return ApiResponse(); }
int64_t start_time() { return kStart; }

Event body_of(const ApiRequest& request) {
  Event event;
  EXPECT_TRUE(event.ParseFromString(request.body()));
  return event;
}

// Until the recorder has counted so many as dropped.
bool wait_dropped(const EventRecorder& recorder, uint64_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (recorder.dropped() < count) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(EventRecorder, CreatesAnEventWithEverythingUpstreamPutsIn) {
  FakeClient client;
  EventRecorder recorder(client, start_time);
  recorder.record("kubelet", "node-1", reference("web"), "Warning", "BackOff", "restarting failed container");
  const auto call = client.next();
  ASSERT_TRUE(call.done);
  EXPECT_EQ(call.request.verb(), ApiRequest::CREATE);
  EXPECT_EQ(call.request.resource(), "events");
  EXPECT_EQ(call.request.namespace_(), "shop");
  const Event event = body_of(call.request);
  EXPECT_TRUE(event.metadata().name().starts_with("web."));
  EXPECT_EQ(event.metadata().namespace_(), "shop");
  EXPECT_EQ(event.involved_object().uid(), "uid-web");
  EXPECT_EQ(event.source().component(), "kubelet");
  EXPECT_EQ(event.source().host(), "node-1");
  EXPECT_EQ(event.reporting_component(), "kubelet");
  EXPECT_EQ(event.reporting_instance(), "node-1");
  EXPECT_EQ(event.type(), "Warning");
  EXPECT_EQ(event.reason(), "BackOff");
  EXPECT_EQ(event.count(), 1);
  EXPECT_EQ(event.first_timestamp().seconds(), kStart / kSecond);
  call.done(ApiResponse());
}

TEST(EventRecorder, ClusterScopedObjectsGoToDefault) {
  FakeClient client;
  EventRecorder recorder(client, start_time);
  recorder.record("kubelet", "n", reference("n", ""), "Normal", "NodeReady", "ready");
  EXPECT_EQ(client.next().request.namespace_(), "default");
}

// Repeats while the first is on its way become one update, with the last count.
TEST(EventRecorder, RepeatsDuringARequestBecomeOneUpdate) {
  FakeClient client;
  EventRecorder recorder(client, start_time);
  for (int i = 0; i < 5; ++i) recorder.record("c", "", reference("web"), "Normal", "Pulled", "same");
  recorder.record("c", "", reference("other"), "Normal", "Pulled", "same");
  auto first = client.next();
  auto other = client.next();  // the thread has seen all five by now
  ASSERT_TRUE(first.done && other.done);
  first.done(ApiResponse());
  const auto update = client.next();
  ASSERT_TRUE(update.done);
  EXPECT_EQ(update.request.verb(), ApiRequest::PATCH);
  EXPECT_EQ(update.request.patch_type(), ApiRequest::MERGE_PATCH);
  EXPECT_EQ(update.request.name(), body_of(first.request).metadata().name());
  const auto patch = boost::json::parse(update.request.body());
  EXPECT_EQ(patch.at("count").as_int64(), 5);
  EXPECT_EQ(std::string(patch.at("lastTimestamp").as_string()), "2023-11-14T22:13:20Z");
}

TEST(EventRecorder, AnExpiredEventIsMadeAgainWithItsCount) {
  FakeClient client;
  EventRecorder recorder(client, start_time);
  recorder.record("c", "", reference("web"), "Normal", "Pulled", "same");
  auto create = client.next();
  create.done(ApiResponse());
  recorder.record("c", "", reference("web"), "Normal", "Pulled", "same");
  auto patch = client.next();
  // The answer and the second event race: either way the next request is the update.
  ASSERT_EQ(patch.request.verb(), ApiRequest::PATCH);
  patch.done(Status::not_found("events \"web.1\" not found"));
  const auto again = client.next();
  EXPECT_EQ(again.request.verb(), ApiRequest::CREATE);
  EXPECT_EQ(body_of(again.request).count(), 2);
}

TEST(EventRecorder, RetriesAnUnreachableServerAndGivesUp) {
  FakeClient client;
  client.answer_all([](const ApiRequest&) -> Expected<ApiResponse> { return Status::unavailable("down"); });
  EventRecorder::Options options;
  options.tries = 3;
  options.retry_delay = std::chrono::milliseconds(1);
  EventRecorder recorder(client, start_time, options);
  recorder.record("c", "", reference("web"), "Normal", "Pulled", "m");
  EXPECT_TRUE(wait_dropped(recorder, 1));
  EXPECT_EQ(client.requests().size(), 3U);
}

TEST(EventRecorder, ARejectedEventIsNotRetried) {
  FakeClient client;
  client.answer_all([](const ApiRequest&) -> Expected<ApiResponse> {
    return Status::forbidden("events \"x\" is forbidden: namespace shop is being terminated");
  });
  EventRecorder recorder(client, start_time);
  recorder.record("c", "", reference("web"), "Normal", "Pulled", "m");
  EXPECT_TRUE(wait_dropped(recorder, 1));
  EXPECT_EQ(client.requests().size(), 1U);
}

TEST(EventRecorder, DropsTheOldestBeyondItsBound) {
  FakeClient client;
  EventRecorder::Options options;
  options.max_requests = 1;
  options.max_waiting = 3;
  EventRecorder recorder(client, start_time, options);
  recorder.record("c", "", reference("first"), "Normal", "R", "m");
  auto first = client.next();  // one request is under way: the rest waits
  for (int i = 0; i < 10; ++i) recorder.record("c", "", reference("p" + std::to_string(i)), "Normal", "R", "m");
  EXPECT_EQ(recorder.dropped(), 7U);
  client.answer_all(fine);
  first.done(ApiResponse());
  ASSERT_TRUE(client.wait_for_requests(4));
  EXPECT_EQ(body_of(client.requests()[1]).involved_object().name(), "p7");
}

TEST(EventRecorder, GarbageIsIgnoredAndLongMessagesAreCutBetweenCharacters) {
  FakeClient client;
  client.answer_all(fine);
  EventRecorder recorder(client, start_time);
  recorder.record("c", "", "\xff\xff\xff", "Normal", "R", "m");
  std::string message(1023, 'a');
  message += "\xc3\xa9tail";
  recorder.record("c", "", reference("web"), "Normal", "R", message);
  ASSERT_TRUE(client.wait_for_requests(1));
  EXPECT_EQ(body_of(client.requests()[0]).message(), std::string(1023, 'a'));
}

TEST(EventRecorder, WhatIsNoTextBecomesText) {
  FakeClient client;
  client.answer_all(fine);
  EventRecorder recorder(client, start_time);
  recorder.record("c", "", reference("web"), "Warning", "Fail\xE9", "caf\xE9");
  ASSERT_TRUE(client.wait_for_requests(1));
  EXPECT_EQ(body_of(client.requests()[0]).message(), "caf\xEF\xBF\xBD");
  EXPECT_EQ(body_of(client.requests()[0]).reason(), "Fail\xEF\xBF\xBD");
}

TEST(EventRecorder, AnEventThatIsRefusedForGoodIsTold) {
  FakeClient client;
  client.answer_all([](const ApiRequest&) -> Expected<ApiResponse> { return Status::invalid("no such field"); });
  std::vector<std::string> told;
  limits::Notices notices({[](std::string_view, int32_t, std::string_view) {},
                           [&](std::string_view topic) { told.emplace_back(topic); }, [] { return int64_t{0}; }});
  EventRecorder::Options options;
  options.notices = &notices;
  {
    EventRecorder recorder(client, start_time, options);
    recorder.record("c", "", reference("web"), "Normal", "Pulled", "m");
    EXPECT_TRUE(wait_dropped(recorder, 1));
  }
  EXPECT_EQ(told, std::vector<std::string>{"event-refused"});
  EXPECT_EQ(client.requests().size(), 1U);
}

TEST(EventRecorder, StopsWithRequestsUnderWay) {
  FakeClient client;
  FakeClient::Call call;
  {
    EventRecorder recorder(client, start_time);
    recorder.record("c", "", reference("web"), "Normal", "R", "m");
    call = client.next();
    recorder.record("c", "", reference("web"), "Normal", "R", "m");
  }
  ASSERT_TRUE(call.done);
  call.done(ApiResponse());  // finds nobody
}

}  // namespace
}  // namespace gantry::client
