#include "core/network/other_nodes.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>

#include "core/network/played_client.hpp"

namespace gantry::network {
namespace {

using Type = client::WatchEvent::Type;

client::Object other(const std::string& name, const std::string& address = "192.0.2.9", const std::string& mac = {}) {
  k8s::io::api::core::v1::Node node;
  node.mutable_metadata()->set_name(name);
  node.mutable_spec()->add_pod_cidrs("10.42.7.0/24");
  auto& one = *node.mutable_status()->add_addresses();
  one.set_type("InternalIP");
  one.set_address(address);
  (*node.mutable_metadata()->mutable_annotations())["note"] = "x";
  if (!mac.empty()) (*node.mutable_metadata()->mutable_annotations())["overlay.gantry.dev/mac"] = mac;
  return http::make_chunk(node.SerializeAsString());
}

std::string words_of(const abi::OverlayNodes& nodes) {
  std::string out = nodes.complete() ? "=" : "";
  for (const auto& one : nodes.nodes()) {
    out += "+" + one.name() + "@" + one.addresses(0);
    for (const auto& [name, value] : std::map<std::string, std::string>(one.advert().begin(), one.advert().end()))
      out += "," + name + ":" + value;
  }
  for (const auto& name : nodes.gone()) out += "-" + name;
  return out;
}

struct OtherNodesTest : testing::Test {
  void SetUp() override { make(false); }
  void TearDown() override { nodes->stop(); }
  void make(bool network_alone) {
    OtherNodes::Options options;
    options.client = &client;
    options.self = "n1";
    options.network_alone = network_alone;
    options.schedule = client.scheduler();
    options.run = run;
    options.trouble = [this](std::string_view topic, const std::string& text) {
      const std::lock_guard lock(mutex);
      troubles.push_back(std::string(topic) + ": " + text);
    };
    options.tell = [this](const abi::OverlayNodes& told) -> Status {
      const std::lock_guard lock(mutex);
      calls.push_back(words_of(told));
      changed.notify_all();
      return answer;
    };
    nodes = std::make_unique<OtherNodes>(std::move(options));
  }
  // What the plugin was told since the last time, once it is `count` calls.
  std::vector<std::string> told(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(10), [&] { return calls.size() >= count; });
    return std::exchange(calls, {});
  }
  // Until the pool has set the timer that comes next.
  void fire_at(int64_t delay) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end && !client.has_timer(delay)) std::this_thread::yield();
    EXPECT_TRUE(client.fire_one(delay)) << delay;
  }
  void refuse(Status with) {
    const std::lock_guard lock(mutex);
    answer = std::move(with);
  }
  PlayedClient client;
  std::mutex mutex;
  std::condition_variable changed;
  Status answer;
  std::vector<std::string> calls, troubles;
  std::function<void(std::function<void()>)> run;
  std::unique_ptr<OtherNodes> nodes;
  using Calls = std::vector<std::string>;
};

TEST_F(OtherNodesTest, ReadsWhereItIsTold) {
  std::vector<std::function<void()>> reads;
  run = [&](std::function<void()> read) { reads.push_back(std::move(read)); };
  make(false);
  client.first = {{other("n1"), other("n2")}, "1"};
  nodes->start();
  nodes->open();
  EXPECT_FALSE(nodes->all().complete()) << "not on the client's thread";
  ASSERT_EQ(reads.size(), 1U);
  reads.front()();
  EXPECT_EQ(told(1), Calls{"=+n2@192.0.2.9"});
}

TEST_F(OtherNodesTest, ToldOnceTheNodeIsReadyAndThenOfDifferences) {
  client.first = {{other("n1"), other("n2")}, "1"};
  nodes->start();
  EXPECT_FALSE(nodes->all().complete()) << "nobody may hear of it yet";
  nodes->open();
  EXPECT_EQ(told(1), Calls{"=+n2@192.0.2.9"});
  client.send(Type::kAdded, other("n3"));
  EXPECT_EQ(told(1), Calls{"+n3@192.0.2.9"});
  client.send(Type::kModified, other("n2"));  // nothing that matters
  client.send(Type::kModified, other("n1", "192.0.2.1"));
  client.send(Type::kModified, other("n3", "192.0.2.3", "aa"));
  EXPECT_EQ(told(1), Calls{"+n3@192.0.2.3,mac:aa"});
  client.send(Type::kDeleted, other("n2"));
  EXPECT_EQ(told(1), Calls{"-n2"});
  EXPECT_EQ(words_of(nodes->all()), "=+n3@192.0.2.3,mac:aa");
}

TEST_F(OtherNodesTest, WithoutOthersAnEmptyListSaysSo) {
  nodes->open();
  nodes->start();
  EXPECT_EQ(told(1), Calls{"="}) << "routes of a former life may be there";
}

TEST_F(OtherNodesTest, ARelistIsADifferenceToo) {
  client.first = {{other("n2"), other("n3")}, "1"};
  nodes->open();
  nodes->start();
  (void)told(1);
  client.first = {{other("n3"), other("n4")}, "2"};
  client.end_watch(Status::expired("too old"));
  client.fire_but(300'000);
  std::string all;
  while (all.size() < std::string("+n4@192.0.2.9-n2").size()) {
    const auto more = told(1);
    ASSERT_FALSE(more.empty());
    for (const auto& call : more) all += call;
  }
  EXPECT_EQ(all, "+n4@192.0.2.9-n2");
}

TEST_F(OtherNodesTest, AFailureIsFollowedByTheCompleteListEverLater) {
  client.first = {{other("n2")}, "1"};
  nodes->open();
  nodes->start();
  (void)told(1);
  refuse(Status::internal("no route"));
  client.send(Type::kAdded, other("n3"));
  EXPECT_EQ(told(1), Calls{"+n3@192.0.2.9"});
  fire_at(1'000);
  EXPECT_EQ(told(1), Calls{"=+n2@192.0.2.9+n3@192.0.2.9"});
  client.send(Type::kDeleted, other("n2"));  // waits with the rest
  refuse({});
  fire_at(2'000);
  EXPECT_EQ(told(1), Calls{"=+n3@192.0.2.9"});
  client.send(Type::kAdded, other("n4"));
  EXPECT_EQ(told(1), Calls{"+n4@192.0.2.9"});
  const std::lock_guard lock(mutex);
  EXPECT_EQ(troubles, Calls(2, "overlay-nodes: other nodes: no route"));
}

TEST_F(OtherNodesTest, EveryFewMinutesItIsTheCompleteList) {
  client.first = {{other("n2")}, "1"};
  nodes->open();
  nodes->start();
  (void)told(1);
  for (int i = 0; i < 2; ++i) {
    fire_at(300'000);
    EXPECT_EQ(told(1), Calls{"=+n2@192.0.2.9"});
  }
}

TEST_F(OtherNodesTest, ANetworkAloneHearsAlwaysOfAllWithAllAnnotations) {
  nodes->stop();
  make(true);
  nodes->open();
  nodes->start();
  client.send(Type::kAdded, other("n2", "192.0.2.2", "aa"));
  const std::string n2 = "+n2@192.0.2.2,mac:aa,note:x,overlay.gantry.dev/mac:aa";
  EXPECT_EQ(told(1), Calls{"=" + n2}) << "and of no empty list before";
  client.send(Type::kAdded, other("n3"));
  EXPECT_EQ(told(1), Calls{"=" + n2 + "+n3@192.0.2.9,note:x"});
  client.send(Type::kDeleted, other("n3"));
  client.send(Type::kDeleted, other("n2", "192.0.2.2", "aa"));
  const auto last = told(1);
  EXPECT_EQ(last.empty() ? "" : last.back().substr(0, 1), "=");
  EXPECT_TRUE(client.waiting().empty()) << "nothing comes regularly";
}

TEST_F(OtherNodesTest, ThisNodesAdvertIsWrittenToItsNode) {
  client.first = {{other("n1", "192.0.2.1", "old")}, "1"};
  nodes->start();
  nodes->advertise({{"backend-type", "x"}, {"mac", "bb"}});
  EXPECT_EQ(client.requests, Calls{R"(PATCH n1 {"metadata":{"annotations":{"overlay.gantry.dev/backend-type":"x",)"
                                   R"("overlay.gantry.dev/mac":"bb"}}})"});
}

}  // namespace
}  // namespace gantry::network
