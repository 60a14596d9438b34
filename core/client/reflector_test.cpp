// The reflector against a client that refuses, ends watches, and tells it that its version is too old.
#include "core/client/reflector.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "k8s.io/api/core/v1/config.pb.h"

namespace gantry::client {
namespace {

// Answers when it is told to, on the test's thread.
class FakeClient : public Client {
 public:
  using Client::call;
  void call(ApiRequest, Done) override {}
  std::unique_ptr<Watch> watch(WatchRequest request, WatchHandler told) override {
    watched_from.push_back(request.resource_version);
    handler = std::move(told);
    return std::make_unique<Watch>();
  }
  void list(WatchRequest, std::function<void(Expected<List>)> done) override {
    ++lists;
    done(refuse.ok() ? Expected<List>(List{{}, "7"}) : Expected<List>(refuse));
  }

  int lists = 0;
  Status refuse;
  std::vector<std::string> watched_from;
  WatchHandler handler;
};

class ReflectorTest : public ::testing::Test {
 protected:
  void start() {
    ReflectorHandler handler;
    handler.replace = [this](const Client::List&) { ++replaced_; };
    handler.event = [this](const WatchEvent&) { ++events_; };
    reflector_ = start_reflector(
        client_, {"", "v1", "configmaps", "", "", "", "", false}, std::move(handler),
        [this](int64_t delay, std::function<void()> step) { later_.emplace_back(delay, std::move(step)); });
  }
  // With an inbox that is emptied when the test says so.
  void start_slow(InboxBounds bounds) {
    ReflectorHandler handler;
    handler.replace = [this](const Client::List&) { ++replaced_; };
    handler.events = [this](const std::vector<WatchEvent>& events) { batches_.push_back(events.size()); };
    ReflectorOptions options;
    options.schedule = [this](int64_t delay, std::function<void()> step) {
      later_.emplace_back(delay, std::move(step));
    };
    options.run = [this](std::function<void()> drain) { drains_.push_back(std::move(drain)); };
    options.inbox = bounds;
    reflector_ = start_reflector(client_, {"", "v1", "configmaps", "", "", "", "", false}, std::move(handler),
                                 std::move(options));
  }
  void drain() {
    while (!drains_.empty()) {
      for (const auto& step : std::exchange(drains_, {})) step();
    }
  }
  void end(Status why) { std::exchange(client_.handler, {}).ended(std::move(why)); }
  // Lets the time pass until the next step is due; how long that was.
  int64_t go_on() {
    EXPECT_EQ(later_.size(), 1U);
    auto [delay, step] = std::move(later_.front());
    later_.clear();
    step();
    return delay;
  }
  void tell(const std::string& version) {
    k8s::io::api::core::v1::ConfigMap map;
    map.mutable_metadata()->set_resource_version(version);
    client_.handler.event({WatchEvent::Type::kModified, http::make_chunk(map.SerializeAsString())});
  }

  FakeClient client_;
  int replaced_ = 0, events_ = 0;
  std::vector<size_t> batches_;
  std::vector<std::function<void()>> drains_;
  std::vector<std::pair<int64_t, std::function<void()>>> later_;
  std::unique_ptr<Reflector> reflector_;
};

TEST_F(ReflectorTest, GoesOnWhereAWatchEnded) {
  start();
  tell("9");
  end({});
  go_on();
  EXPECT_EQ(client_.watched_from, (std::vector<std::string>{"7", "9"}));
  EXPECT_EQ(client_.lists, 1);
  EXPECT_EQ(events_, 1);
}

TEST_F(ReflectorTest, ListsAgainWhenItsVersionIsTooOld) {
  start();
  tell("9");
  end(Status::expired("too old resource version: 9 (20)"));
  EXPECT_EQ(client_.lists, 1) << "not at once";
  go_on();
  EXPECT_EQ(client_.lists, 2);
  EXPECT_EQ(replaced_, 2);
  EXPECT_EQ(client_.watched_from, (std::vector<std::string>{"7", "7"}));
}

TEST_F(ReflectorTest, WaitsLongerEachTimeItIsToldSo) {
  start();
  int64_t last = 0;
  for (int i = 0; i < 8; ++i) {
    end(Status::expired("too old resource version: 7 (20)"));
    const int64_t delay = go_on();
    EXPECT_GE(delay, std::min<int64_t>(30'000, 800LL << i));
    EXPECT_LE(delay, 30'000);
    EXPECT_GE(delay, last);
    last = delay;
  }
  EXPECT_EQ(last, 30'000);
  EXPECT_EQ(replaced_, 9);
}

TEST_F(ReflectorTest, IsPatientWithAServerThatHasTooMuchToDo) {
  client_.refuse = Status::too_many_requests("please try again later");
  start();
  go_on();
  EXPECT_EQ(replaced_, 0);
  client_.refuse = {};
  go_on();
  EXPECT_EQ(replaced_, 1);
  end(Status::too_many_requests("please try again later"));
  go_on();
  EXPECT_EQ(client_.lists, 3) << "a watch that was refused needs no new list";
  EXPECT_EQ(client_.watched_from, (std::vector<std::string>{"7", "7"}));
}

TEST_F(ReflectorTest, WhatLiesInTheInboxIsTakenAtOnceAfterOneCall) {
  start_slow({});
  EXPECT_EQ(replaced_, 0) << "not on the client's thread";
  drain();
  EXPECT_EQ(replaced_, 1);
  for (const char* version : {"8", "9", "10"}) tell(version);
  EXPECT_EQ(drains_.size(), 1U);
  EXPECT_TRUE(batches_.empty());
  drain();
  EXPECT_EQ(batches_, std::vector<size_t>{3});
  end({});
  drain();
  go_on();
  EXPECT_EQ(client_.watched_from, (std::vector<std::string>{"7", "10"}));
}

TEST_F(ReflectorTest, NobodyIsCalledForWhatComesWhileADrainIsUnderWay) {
  start_slow({});
  drain();
  tell("8");
  ASSERT_EQ(drains_.size(), 1U);
  const auto running = std::exchange(drains_, {});
  // As if the consumer were at it: what it is told meanwhile is part of the same drain.
  tell("9");
  EXPECT_TRUE(drains_.empty());
  running.front()();
  EXPECT_EQ(batches_, std::vector<size_t>{2});
  tell("10");
  EXPECT_EQ(drains_.size(), 1U);
}

TEST_F(ReflectorTest, AFullInboxMeansANewList) {
  start_slow({.messages = 3});
  drain();
  const auto old = client_.handler;
  for (const char* version : {"8", "9", "10", "11", "12"}) tell(version);
  EXPECT_EQ(client_.lists, 1) << "not before there is room";
  drain();
  EXPECT_EQ(client_.lists, 2);
  EXPECT_EQ(replaced_, 2);
  EXPECT_TRUE(batches_.empty()) << "the list has it all";
  EXPECT_TRUE(later_.empty()) << "at once";
  EXPECT_EQ(client_.watched_from, (std::vector<std::string>{"7", "7"}));
  old.event({WatchEvent::Type::kModified, http::make_chunk("")});
  EXPECT_TRUE(drains_.empty()) << "the watch of before speaks for nobody";
  tell("13");
  drain();
  EXPECT_EQ(batches_, std::vector<size_t>{1});
}

TEST_F(ReflectorTest, TheInboxIsBoundedInBytesToo) {
  const std::string large(1'000, 'x');
  start_slow({.messages = 100, .bytes = 2'500});
  drain();
  const auto tell_large = [&] {
    client_.handler.event({WatchEvent::Type::kAdded, http::make_chunk(std::string(large))});
  };
  tell_large();
  tell_large();
  drain();
  EXPECT_EQ(batches_, std::vector<size_t>{2}) << "what was taken counts no more";
  for (int i = 0; i < 3; ++i) tell_large();
  drain();
  EXPECT_EQ(batches_, std::vector<size_t>{2});
  EXPECT_EQ(replaced_, 2);
}

// What the consumer has in hand counts, too: it may hang.
TEST_F(ReflectorTest, WhatIsInHandCounts) {
  ReflectorHandler handler;
  handler.replace = [this](const Client::List&) { ++replaced_; };
  handler.events = [this](const std::vector<WatchEvent>& events) {
    batches_.push_back(events.size());
    for (const char* version : {"20", "21"}) tell(version);
  };
  ReflectorOptions options;
  options.schedule = [](int64_t, const std::function<void()>&) {};
  options.inbox.messages = 2;
  options.run = [this](std::function<void()> step) { drains_.push_back(std::move(step)); };
  reflector_ =
      start_reflector(client_, {"", "v1", "configmaps", "", "", "", "", false}, std::move(handler), std::move(options));
  drain();
  tell("8");
  drain();  // one in hand, one lies there, the next one finds the inbox full
  EXPECT_EQ(batches_, std::vector<size_t>{1});
  EXPECT_EQ(replaced_, 2);
}

TEST_F(ReflectorTest, NothingIsToldOnceItIsGone) {
  start_slow({});
  drain();
  tell("8");
  reflector_.reset();
  drain();
  EXPECT_TRUE(batches_.empty());
}

}  // namespace
}  // namespace gantry::client
