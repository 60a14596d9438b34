#include "core/network/pod_ranges.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "core/network/played_client.hpp"

namespace gantry::network {
namespace {

using Type = client::WatchEvent::Type;

struct PodRangesTest : testing::Test {
  std::unique_ptr<PodRanges> start(std::vector<const char*> cluster, int node_prefix = 24) {
    PodRangesOptions options;
    options.client = &client;
    for (const char* text : cluster) options.cluster.push_back(*Cidr::parse(text));
    options.node_prefix_ipv4 = node_prefix;
    options.now_unix_ns = [] { return int64_t{1'900'000'000} * 1'000'000'000; };
    options.schedule = client.scheduler();
    options.record_event = [this](std::string_view regarding, std::string_view type, std::string_view reason,
                                  std::string_view message) {
      k8s::io::api::core::v1::ObjectReference object;
      object.ParseFromArray(regarding.data(), static_cast<int>(regarding.size()));
      events.push_back(object.name() + " " + object.uid() + " " + std::string(type) + " " + std::string(reason) + ": " +
                       std::string(message));
    };
    options.log = [](int32_t, std::string_view) {};
    options.run = run;
    options.trouble = [this](std::string_view topic, std::string_view) { troubles.emplace_back(topic); };
    return std::make_unique<PodRanges>(std::move(options));
  }
  static std::string range_patch(const std::string& name, const std::string& range) {
    return "PATCH " + name + R"( {"spec":{"podCIDR":")" + range + R"(","podCIDRs":[")" + range + "\"]}}";
  }
  PlayedClient client;
  std::vector<std::string> events, troubles;
  std::function<void(std::function<void()>)> run;
};

TEST_F(PodRangesTest, ReadsWhereItIsTold) {
  std::deque<std::function<void()>> reads;
  run = [&](std::function<void()> read) { reads.push_back(std::move(read)); };
  const auto next = [&] {
    ASSERT_EQ(reads.size(), 1U);
    const auto read = std::move(reads.front());
    reads.pop_front();
    read();
  };
  client.first = {{played_node("a")}, "1"};
  const auto ranges = start({"10.42.0.0/16"});
  EXPECT_TRUE(client.requests.empty()) << "not on the client's thread";
  next();
  EXPECT_EQ(client.requests, std::vector{range_patch("a", "10.42.0.0/24")});
  client.send(Type::kDeleted, played_node("a"));
  EXPECT_EQ(reads.size(), 2U) << "the answer, and the event";
  while (!reads.empty()) {
    const auto read = std::move(reads.front());
    reads.pop_front();
    read();
  }
  client.send(Type::kAdded, played_node("b"));
  EXPECT_EQ(client.requests.size(), 1U);
  next();
  EXPECT_EQ(client.requests.back(), range_patch("b", "10.42.0.0/24"));
}

TEST_F(PodRangesTest, GivesEachNodeARangeThatNobodyHas) {
  client.first = {{played_node("new"), played_node("old", {"10.42.0.0/24"})}, "1"};
  const auto ranges = start({"10.42.0.0/16"});
  EXPECT_EQ(client.requests, std::vector{range_patch("new", "10.42.1.0/24")});
  client.send(Type::kModified, played_node("new"));  // an event from before the patch
  EXPECT_EQ(client.requests.size(), 1u);
  client.send(Type::kModified, played_node("new", {"10.42.1.0/24"}));
  client.send(Type::kDeleted, played_node("old", {"10.42.0.0/24"}));
  client.send(Type::kAdded, played_node("third"));
  ASSERT_EQ(client.requests.size(), 2u);
  EXPECT_EQ(client.requests[1], range_patch("third", "10.42.0.0/24"));
}

TEST_F(PodRangesTest, BothFamiliesInTheClustersOrder) {
  const auto ranges = start({"fd00:42::/48", "10.42.0.0/16"}, 20);
  client.send(Type::kAdded, played_node("a"));
  client.send(Type::kAdded, played_node("b"));
  ASSERT_EQ(client.requests.size(), 2u);
  EXPECT_EQ(client.requests[1],
            R"(PATCH b {"spec":{"podCIDR":"fd00:42:0:1::/64","podCIDRs":["fd00:42:0:1::/64","10.42.16.0/20"]}})");
}

TEST_F(PodRangesTest, AFailedWriteIsTriedAgainEverLaterWithTheSameRange) {
  const auto ranges = start({"10.42.0.0/16"});
  client.refusal = Status::unavailable("not now");
  client.send(Type::kAdded, played_node("a"));
  for (const int64_t delay : {200, 400, 800, 1600}) {
    EXPECT_EQ(client.waiting(), std::vector<int64_t>{delay});
    client.send(Type::kModified, played_node("a"));  // changes nothing: it waits
    client.fire();
  }
  EXPECT_EQ(client.requests, std::vector<std::string>(5, range_patch("a", "10.42.0.0/24")));
  EXPECT_EQ(events, std::vector<std::string>{
                        "a uid-a Warning CIDRAssignmentFailed: Node a status is now: CIDRAssignmentFailed"});
  for (int i = 0; i < 10; ++i) client.fire();
  EXPECT_EQ(client.waiting(), std::vector<int64_t>{30'000});
  client.refusal = {};
  client.fire();
  EXPECT_TRUE(client.waiting().empty());
  client.send(Type::kAdded, played_node("b"));
  EXPECT_EQ(client.requests.back(), range_patch("b", "10.42.1.0/24"));
}

TEST_F(PodRangesTest, ANodeThatGoesMeanwhileIsNotWrittenAgain) {
  const auto ranges = start({"10.42.0.0/16"});
  client.refusal = Status::unavailable("not now");
  client.send(Type::kAdded, played_node("a"));
  client.send(Type::kDeleted, played_node("a"));
  client.refusal = {};
  client.fire();
  EXPECT_EQ(client.requests.size(), 1u);
  client.send(Type::kAdded, played_node("b"));
  EXPECT_EQ(client.requests.back(), range_patch("b", "10.42.0.0/24"));
}

// Seen: 256 nodes, and then an error for each event of each other node.
TEST_F(PodRangesTest, AUsedUpRangeIsOneEventAndOneCondition) {
  const auto ranges = start({"10.42.0.0/23"});
  for (const char* name : {"a", "b", "c"}) client.send(Type::kAdded, played_node(name));
  ASSERT_EQ(client.requests.size(), 3u);
  EXPECT_EQ(client.requests[2],
            R"(PATCH c/status {"status":{"conditions":[{"type":"NetworkUnavailable","status":"True",)"
            R"("reason":"CIDRNotAvailable","message":"every /24 of 10.42.0.0/23 belongs to a node",)"
            R"("lastHeartbeatTime":"2030-03-17T17:46:40Z","lastTransitionTime":"2030-03-17T17:46:40Z"}]}})");
  const std::vector<std::string> one = {"c uid-c Warning CIDRNotAvailable: Node c status is now: CIDRNotAvailable"};
  EXPECT_EQ(events, one);
  EXPECT_EQ(troubles, std::vector<std::string>{"pod-ranges-used-up"});
  for (int i = 0; i < 100; ++i) client.send(Type::kModified, played_node("c", {}, true));
  EXPECT_EQ(client.requests.size(), 3u);
  EXPECT_EQ(events, one);
  // Room again: the range, and the condition goes.
  client.send(Type::kDeleted, played_node("a", {"10.42.0.0/24"}));
  ASSERT_EQ(client.requests.size(), 5u);
  EXPECT_EQ(client.requests[3], range_patch("c", "10.42.0.0/24"));
  EXPECT_EQ(client.requests[4].substr(0, 78),
            R"(PATCH c/status {"status":{"conditions":[{"type":"NetworkUnavailable","status":)");
  EXPECT_NE(client.requests[4].find(R"("status":"False","reason":"CIDRAssigned")"), std::string::npos);
  client.send(Type::kModified, played_node("c", {"10.42.0.0/24"}));
  EXPECT_EQ(client.requests.size(), 5u);
}

TEST_F(PodRangesTest, ARestartSaysNothingTwice) {
  client.first = {{played_node("a", {"10.42.0.0/24"}), played_node("b", {"10.42.1.0/24"}), played_node("c", {}, true)},
                  "1"};
  const auto ranges = start({"10.42.0.0/23"});
  EXPECT_TRUE(client.requests.empty());
  EXPECT_TRUE(events.empty());
  client.answer.add_objects(std::string(played_node("c", {}, false, "", "10").bytes));
  client.relist({{played_node("b", {"10.42.1.0/24"}), played_node("c", {}, true)}, "2"});  // a went unseen
  ASSERT_EQ(client.requests.size(), 2u);
  EXPECT_EQ(client.requests[0], range_patch("c", "10.42.0.0/24"));
}

TEST_F(PodRangesTest, AConditionThatCouldNotBeWrittenIsTriedAgain) {
  const auto ranges = start({"10.42.0.0/24"});
  client.send(Type::kAdded, played_node("a"));
  client.refusal = Status::unavailable("not now");
  client.send(Type::kAdded, played_node("b"));
  client.refusal = {};
  client.fire();
  ASSERT_EQ(client.requests.size(), 3u);
  EXPECT_EQ(client.requests[1], client.requests[2]);
  EXPECT_EQ(events.size(), 1u);
}

TEST_F(PodRangesTest, AnotherRangeThanOursFreesOurs) {
  const auto ranges = start({"10.42.0.0/23"});
  client.refusal = Status::unavailable("not now");
  client.send(Type::kAdded, played_node("a"));
  client.refusal = {};
  client.send(Type::kModified, played_node("a", {"10.42.1.0/24"}));  // somebody else's
  client.fire();
  EXPECT_EQ(client.requests.size(), 1u) << "it has one";
  client.send(Type::kAdded, played_node("b"));
  EXPECT_EQ(client.requests.back(), range_patch("b", "10.42.0.0/24"));
}

TEST_F(PodRangesTest, ANodeMadeAnewGetsARangeAnew) {
  const auto ranges = start({"10.42.0.0/16"});
  client.send(Type::kAdded, played_node("a", {"10.42.5.0/24"}));
  client.send(Type::kModified, played_node("a", {}, false, "uid-other"));
  EXPECT_EQ(client.requests, std::vector{range_patch("a", "10.42.0.0/24")});
}

TEST_F(PodRangesTest, AnEventFromBeforeAWriteIsNoNews) {
  const auto ranges = start({"10.42.0.0/24"});
  client.send(Type::kAdded, played_node("a"));
  client.answer.add_objects(std::string(played_node("b", {}, true, "", "10").bytes));
  client.send(Type::kAdded, played_node("b", {}, false, "", "5"));
  client.send(Type::kModified, played_node("b", {}, false, "", "9"));
  EXPECT_EQ(client.requests.size(), 2u);
  client.send(Type::kModified, played_node("b", {}, false, "", "11"));  // somebody took the condition away
  EXPECT_EQ(client.requests.size(), 3u);
}

TEST_F(PodRangesTest, NothingComesAfterItsEnd) {
  auto ranges = start({"10.42.0.0/16"});
  client.refusal = Status::unavailable("not now");
  client.send(Type::kAdded, played_node("a"));
  ranges.reset();
  client.fire();
  EXPECT_EQ(client.requests.size(), 1u);
}

TEST(FreeClusterRange, IsASixteen) { EXPECT_EQ(free_cluster_range().prefix, 16); }

}  // namespace
}  // namespace gantry::network
