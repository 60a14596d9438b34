// The controller between the caches and the API: what it writes, and how often.
#include <gmock/gmock.h>

#include "controller.hpp"
#include "testing.hpp"

namespace gantry::sim {
namespace {

using testing::annotate;
using testing::kNow;
using testing::make_pod;
using testing::mark_deleted;

class PodsTest : public ::testing::Test {
 protected:
  PodsTest() {
    host_.now_ns = kNow;
    addresses_ = *Addresses::plan("100.64.0.0/10", 3, 110);
    // Every write succeeds and raises the version.
    host_.api = [this](const abi::ApiRequest& request) -> Host::Answer {
      if (request.verb() == abi::ApiRequest::DELETE) return abi::ApiResponse();
      corev1::Pod pod;
      pod.ParseFromString(request.body());
      // As the server does: what is not the status stays.
      *pod.mutable_spec() = sdk::Host(&host_.host).cached<corev1::Pod>("shop", "web")->spec();
      pod.mutable_metadata()->set_resource_version(std::to_string(++version_));
      written_ = pod;
      return testkit::ScriptedHost::answer(pod);
    };
  }
  int64_t look() { return pods_.reconcile("shop", "web"); }
  void see_written() { host_.cache(written_); }
  size_t writes() const { return host_.requests.size(); }

  using Host = testing::Host;
  Host host_;
  Settings settings_{.nodes = 3};
  Addresses addresses_;
  int64_t version_ = 10;
  corev1::Pod written_;
  Nodes nodes_{sdk::Host(&host_.host), settings_, addresses_};
  UsagePlayer usage_{sdk::Host(&host_.host), [] {}};
  Pods pods_{sdk::Host(&host_.host), settings_, addresses_, nodes_, usage_};
};

TEST_F(PodsTest, OneWriteToRunningAndNoMore) {
  host_.cache(make_pod());
  EXPECT_EQ(look(), 0);
  ASSERT_EQ(writes(), 1u);
  EXPECT_EQ(host_.requests[0].subresource(), "status");
  EXPECT_EQ(written_.status().phase(), "Running");
  EXPECT_EQ(written_.status().pod_ip(), "100.64.0.2");
  EXPECT_EQ(written_.status().host_ip(), "198.18.0.1");
  look();  // the cache is still behind
  see_written();
  look();
  look();
  EXPECT_EQ(writes(), 1u);
}

TEST_F(PodsTest, OthersPodsAreOthersBusiness) {
  auto pod = make_pod();
  for (const char* node : {"", "worker-1", "sim-0003", "sim-1", "sim-00001"}) {
    pod.mutable_spec()->set_node_name(node);
    host_.cache(pod);
    look();
  }
  EXPECT_EQ(writes(), 0u);
}

TEST_F(PodsTest, AsksToBeCalledWhenALatencyIsOver) {
  auto pod = make_pod();
  annotate(pod, "start-latency", "1500ms");
  host_.cache(pod);
  EXPECT_EQ(look(), 1'500);
  EXPECT_EQ(written_.status().phase(), "Pending");
  see_written();
  host_.now_ns += 1'400 * kMilli;
  EXPECT_EQ(look(), 100);
  host_.now_ns += 100 * kMilli;
  EXPECT_EQ(look(), 0);
  EXPECT_EQ(written_.status().phase(), "Running");
  EXPECT_EQ(writes(), 2u);
}

TEST_F(PodsTest, DeletionStopsReportsAndConfirms) {
  host_.cache(make_pod());
  look();
  mark_deleted(written_, 30);
  written_.mutable_metadata()->set_resource_version(std::to_string(++version_));
  see_written();
  look();
  EXPECT_TRUE(written_.status().container_statuses(0).state().has_terminated());
  see_written();
  look();
  ASSERT_EQ(writes(), 3u);
  EXPECT_EQ(host_.requests[2].verb(), abi::ApiRequest::DELETE);
  metav1::DeleteOptions options;
  options.ParseFromString(host_.requests[2].body());
  EXPECT_EQ(options.grace_period_seconds(), 0);
  EXPECT_EQ(options.preconditions().uid(), "uid-1");
}

TEST_F(PodsTest, AConflictIsTriedAgainFromTheNewObject) {
  host_.cache(make_pod());
  const auto accept = host_.api;
  host_.api = [](const abi::ApiRequest&) -> Host::Answer { return Status::conflict("newer"); };
  look();
  ASSERT_EQ(host_.queued.size(), 1u);
  host_.api = accept;
  auto newer = make_pod();
  newer.mutable_metadata()->set_resource_version("11");
  host_.cache(newer);
  version_ = 11;
  look();
  EXPECT_EQ(writes(), 2u);
  EXPECT_EQ(written_.status().phase(), "Running");
}

TEST_F(PodsTest, AddressesComeBackWhenPodsAreGone) {
  host_.cache(make_pod());
  look();
  host_.uncache("", "pods", "shop", "web");
  look();
  // Not given to the next one at once, but free again.
  EXPECT_EQ(addresses_.take(0), "100.64.0.3");
  addresses_.reserve(0, "100.64.0.4");
  EXPECT_EQ(addresses_.take(0), "100.64.0.5");
  EXPECT_EQ(addresses_.node_cidr(2), "100.64.2.0/24");
}

TEST(Addresses, WantRoom) {
  EXPECT_FALSE(Addresses::plan("10.0.0.0/24", 2, 110).ok());
  EXPECT_FALSE(Addresses::plan("10.0.0.0", 1, 110).ok());
  EXPECT_FALSE(Addresses::plan("fd00::/64", 1, 110).ok());
  EXPECT_EQ(Addresses::plan("100.64.0.0/10", 10, 500)->node_cidr(1), "100.64.4.0/22");
}

class NodesTest : public PodsTest {
 protected:
  NodesTest() {
    host_.api = [this](const abi::ApiRequest& request) -> Host::Answer {
      if (request.resource() == "leases") return lease_answer_;
      corev1::Node node;
      node.ParseFromString(request.body());
      node.mutable_metadata()->set_uid("uid-of-" + node.metadata().name());
      host_.cache(node);
      return testkit::ScriptedHost::answer(node);
    };
  }
  Host::Answer lease_answer_ = abi::ApiResponse();
};

TEST_F(NodesTest, AreMadeWithTheirLeasesThenKeptAlive) {
  const auto again = nodes_.tend(0);
  ASSERT_TRUE(again.ok());
  EXPECT_GT(*again, 0);
  ASSERT_EQ(writes(), 2u);
  const auto node = *sdk::Host(&host_.host).cached<corev1::Node>("", "sim-0000");
  EXPECT_EQ(node.spec().pod_cidr(), "100.64.0.0/24");
  EXPECT_EQ(node.status().capacity().at("cpu").string(), "32");
  coordinationv1::Lease lease;
  lease.ParseFromString(host_.requests[1].body());
  EXPECT_EQ(lease.metadata().owner_references(0).uid(), "uid-of-sim-0000");
  EXPECT_EQ(*nodes_.tend(0), 10'000);
  ASSERT_EQ(writes(), 3u);
  EXPECT_EQ(host_.requests[2].body(), R"({"spec":{"renewTime":"2023-11-14T22:13:20.000000Z"}})");
}

TEST_F(NodesTest, OneThatIsDownIsSilentUntilItIsUpAgain) {
  ASSERT_TRUE(nodes_.tend(0).ok());
  bool revived = false;
  ASSERT_TRUE(nodes_.see(0, revived).ok());
  EXPECT_FALSE(revived);
  auto node = *sdk::Host(&host_.host).cached<corev1::Node>("", "sim-0000");
  (*node.mutable_metadata()->mutable_annotations())["sim.gantry.dev/down"] = "true";
  node.mutable_status()->clear_conditions();
  host_.cache(node);
  const size_t before = writes();
  ASSERT_TRUE(nodes_.see(0, revived).ok());
  ASSERT_TRUE(nodes_.tend(0).ok());
  EXPECT_FALSE(nodes_.works(0));
  host_.cache(make_pod());
  look();
  EXPECT_EQ(writes(), before);
  node.mutable_metadata()->clear_annotations();
  host_.cache(node);
  ASSERT_TRUE(nodes_.see(0, revived).ok());
  EXPECT_TRUE(revived);
  EXPECT_EQ(writes(), before + 1);  // Ready again
  EXPECT_TRUE(nodes_.works(0));
}

TEST_F(NodesTest, ADeletedNodeStaysAway) {
  ASSERT_TRUE(nodes_.tend(0).ok());
  bool revived = false;
  ASSERT_TRUE(nodes_.see(0, revived).ok());
  host_.uncache("", "nodes", "", "sim-0000");
  ASSERT_TRUE(nodes_.see(0, revived).ok());
  const size_t before = writes();
  ASSERT_TRUE(nodes_.tend(0).ok());
  EXPECT_EQ(writes(), before);
}

TEST(Controller, WithoutNodesItWatchesNothing) {
  testing::Host host;
  HollowNodes controller{sdk::Host(&host.host)};
  ASSERT_TRUE(controller.configure().ok());
  EXPECT_EQ(controller.spec().watches_size(), 0);
  EXPECT_TRUE(controller.reconcile({"shop", "web"}).ok());
}

}  // namespace
}  // namespace gantry::sim
