// Whom a node's change concerns.
#include <gmock/gmock.h>

#include <optional>
#include <utility>

#include "scripted_cluster.hpp"

namespace gantry::daemonset {
namespace {

using abi::ObjectEvent;
using daemonset::testing::make_node;
using daemonset::testing::make_set;
using daemonset::testing::tainted;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

struct NodesTest : daemonset::testing::ControllerTest {
  NodesTest() {
    auto& spec = *ssd.mutable_spec()->mutable_template_()->mutable_spec();
    (*spec.mutable_node_selector())["disk"] = "ssd";
    ssd.mutable_metadata()->set_name("ssd");
    ssd.mutable_metadata()->set_uid("uid-ssd");
    scripted.cache(ssd);
    tell(ObjectEvent::ADDED, make_node("first"));
    look();  // the first time all are looked at: what happened before is not known
    scripted.queued.clear();
  }
  void tell(ObjectEvent::Type type, const Node& node, const std::optional<Node>& before = std::nullopt) {
    ObjectEvent event;
    event.set_type(type);
    event.set_object(node.SerializeAsString());
    if (before) event.set_previous(before->SerializeAsString());
    controller.map(event, [this](std::string_view ns, std::string_view name) {
      EXPECT_EQ(ns, "");
      emitted.emplace_back(name);
    });
  }
  void look() {
    if (std::exchange(emitted, {}).empty()) return;
    EXPECT_TRUE(controller.reconcile({"", "nodes"}).ok());
  }
  std::vector<std::string> queued() {
    look();
    std::vector<std::string> names;
    for (const auto& [ns, name, delay] : std::exchange(scripted.queued, {})) names.push_back(ns + "/" + name);
    return names;
  }
  DaemonSet ssd = make_set();
  std::vector<std::string> emitted;
};

TEST_F(NodesTest, ANewInstanceLooksAtAllOnce) {
  DaemonSetController fresh{sdk::Host(&scripted.host)};
  EXPECT_TRUE(fresh.reconcile({"", "nodes"}).ok());
  EXPECT_THAT(queued(), UnorderedElementsAre("shop/agent", "shop/ssd"));
  EXPECT_TRUE(fresh.reconcile({"", "nodes"}).ok());
  EXPECT_THAT(queued(), IsEmpty());
}

TEST_F(NodesTest, ConcernWhoWantsThem) {
  tell(ObjectEvent::ADDED, make_node("a"));
  EXPECT_THAT(queued(), ElementsAre("shop/agent"));
  tell(ObjectEvent::ADDED, make_node("b", {{"disk", "ssd"}}));
  tell(ObjectEvent::ADDED, make_node("c"));
  EXPECT_THAT(queued(), UnorderedElementsAre("shop/agent", "shop/ssd"));
  tell(ObjectEvent::DELETED, make_node("c"));
  EXPECT_THAT(queued(), ElementsAre("shop/agent"));
}

TEST_F(NodesTest, AHeartbeatConcernsNobodyAndWakesNobody) {
  auto now = make_node("a");
  now.mutable_metadata()->set_resource_version("2");
  now.mutable_status()->add_conditions()->set_type("Ready");
  tell(ObjectEvent::MODIFIED, now, make_node("a"));
  EXPECT_THAT(emitted, IsEmpty());
}

TEST_F(NodesTest, AChangeConcernsThoseForWhomItMakesADifference) {
  tell(ObjectEvent::MODIFIED, make_node("a", {{"disk", "ssd"}}), make_node("a"));
  EXPECT_THAT(queued(), ElementsAre("shop/ssd"));
  tell(ObjectEvent::MODIFIED, make_node("a", {{"color", "red"}}), make_node("a"));
  EXPECT_THAT(queued(), IsEmpty());
  tell(ObjectEvent::MODIFIED, tainted(make_node("a"), "t", "NoSchedule"), make_node("a"));
  EXPECT_THAT(queued(), ElementsAre("shop/agent"));
  tell(ObjectEvent::MODIFIED, tainted(make_node("a"), "t", "NoExecute"), tainted(make_node("a"), "t", "NoSchedule"));
  EXPECT_THAT(queued(), ElementsAre("shop/agent"));
}

TEST_F(NodesTest, ChangesOfOneNodeAreLookedAtTogether) {
  tell(ObjectEvent::MODIFIED, make_node("a", {{"disk", "ssd"}}), make_node("a"));
  tell(ObjectEvent::MODIFIED, make_node("a"), make_node("a", {{"disk", "ssd"}}));
  EXPECT_THAT(queued(), IsEmpty()) << "it is as it was";
  tell(ObjectEvent::DELETED, make_node("a"));
  tell(ObjectEvent::ADDED, make_node("a", {{"disk", "ssd"}}));
  EXPECT_THAT(queued(), ElementsAre("shop/ssd"));
}

// A node that comes, of which nothing is known: pods from before may have to go.
TEST_F(NodesTest, AnUnwantedNodeConcernsWhoHasPodsThere) {
  auto pod = make_pod(ssd, "abc");
  pod.mutable_metadata()->set_name("left");
  pod.mutable_spec()->set_node_name("a");
  scripted.cache(pod, {{"spec.nodeName", "a"}});
  tell(ObjectEvent::ADDED, make_node("a"));
  EXPECT_THAT(queued(), UnorderedElementsAre("shop/agent", "shop/ssd"));
}

}  // namespace
}  // namespace gantry::daemonset
