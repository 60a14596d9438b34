// StatefulSets in a real control plane: claims, and what goes wrong: orphans, refusals, reloads.
#include <atomic>
#include <thread>

#include "tests/integration/stateful_sets.hpp"

namespace gantry::integration {
namespace {

TEST_F(StatefulSets, ClaimsStayOrGoAsThePolicySays) {
  auto set = make_stateful("web", 2);
  add_claim(set, "data");
  set.mutable_spec()->mutable_persistent_volume_claim_retention_policy()->set_when_scaled("Delete");
  must(plane->create(set));
  auto keeps = make_stateful("keeps", 2);
  add_claim(keeps, "data");
  must(plane->create(keeps));
  complete("web");
  complete("keeps");
  const auto first = claims->objects();
  ASSERT_EQ(first.size(), 4u);
  EXPECT_EQ(first.at("data-web-1").metadata().labels().at("app"), "web");
  EXPECT_TRUE(wait_event("web", "SuccessfulCreate: create Claim data-web-1 Pod web-1 in StatefulSet web success"));
  EXPECT_EQ(pods->get("web-1")->spec().volumes(0).volume_source().persistent_volume_claim().claim_name(), "data-web-1");
  must(plane->patch<StatefulSet>("web", size_patch(1)));
  must(plane->patch<StatefulSet>("keeps", size_patch(1)));
  ASSERT_TRUE(claims->wait([](const ClaimObjects& all) { return !all.contains("data-web-1"); }));
  complete("keeps");
  EXPECT_TRUE(claims->get("data-keeps-1"));
  must(plane->patch<StatefulSet>("web", size_patch(2)));
  must(plane->patch<StatefulSet>("keeps", size_patch(2)));
  complete("web");
  complete("keeps");
  EXPECT_NE(claims->get("data-web-1")->metadata().uid(), first.at("data-web-1").metadata().uid());
  EXPECT_EQ(claims->get("data-keeps-1")->metadata().uid(), first.at("data-keeps-1").metadata().uid());
  // Whatever is set later counts, too.
  must(plane->patch<StatefulSet>("keeps",
                                 R"({"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete"}}})"));
  ASSERT_TRUE(claims->wait([](const ClaimObjects& all) {
    return all.at("data-keeps-0").metadata().owner_references_size() == 1 &&
           all.at("data-keeps-1").metadata().owner_references_size() == 1;
  }));
  ASSERT_TRUE(plane->remove<StatefulSet>("keeps").ok());
  ASSERT_TRUE(plane->remove<StatefulSet>("web").ok());
  ASSERT_TRUE(claims->wait([](const ClaimObjects& all) { return all.size() == 2; }));
  EXPECT_TRUE(claims->get("data-web-0"));
}

TEST_F(StatefulSets, TakesOrphansOfItsNamesAndLetsGo) {
  const auto orphan = make_pod("web-0", "web");
  must(plane->create(orphan));
  must(plane->create(with_name(orphan, "debug")));
  must(plane->create(make_stateful("web", 1)));
  ASSERT_TRUE(wait_pods([](const Pods& all) { return is_owned(all, "web-0"); }));
  // Adopted, it is of no revision, and gives way.
  complete("web");
  EXPECT_FALSE(is_owned(pods->objects(), "debug"));
  must(plane->patch<Pod>("web-0", R"({"metadata":{"labels":{"app":"other"}}})"));
  ASSERT_TRUE(wait_pods([](const Pods& all) { return !is_owned(all, "web-0"); }));
  // Its name is still taken: the set waits until it is free.
  ASSERT_TRUE(wait_for("web", [](const auto& set) { return set.status().replicas() == 0; }));
  ASSERT_TRUE(plane->remove<Pod>("web-0").ok());
  complete("web");
}

TEST_F(StatefulSets, LostLabelsComeBack) {
  must(plane->create(make_stateful("web", 1)));
  complete("web");
  must(plane->patch<Pod>("web-0", R"({"metadata":{"labels":{"statefulset.kubernetes.io/pod-name":null}}})"));
  ASSERT_TRUE(wait_pods([](const Pods& all) {
    return all.at("web-0").metadata().labels().contains("statefulset.kubernetes.io/pod-name");
  }));
  EXPECT_TRUE(wait_event("web", "SuccessfulUpdate: update Pod web-0 in StatefulSet web successful"));
}

TEST_F(StatefulSets, ASetOfTheSameNameStartsAnew) {
  must(plane->create(make_stateful("web", 2)));
  complete("web");
  nodes->let_pods_end(false);
  const auto before = pods->objects();
  ASSERT_TRUE(plane->remove<StatefulSet>("web").ok());
  const auto again = must(plane->create(make_stateful("web", 2)));
  ASSERT_TRUE(wait_pods([](const Pods& all) { return count_active(all) == 0; })) << "the garbage collector's work";
  nodes->let_pods_end(true);
  ASSERT_TRUE(wait_pods([&](const Pods& all) {
    return count_ready(all) == 2 && std::all_of(all.begin(), all.end(), [&](const auto& item) {
             return sdk::controller_of(item.second.metadata())->uid() == again.metadata().uid();
           });
  }));
  complete("web");
  EXPECT_EQ(pods->ever(), 4u);
  EXPECT_EQ(history(), std::vector<int64_t>{1});
}

// Pods that the server refuses: the set says so, and recovers when they are allowed.
TEST_F(StatefulSets, SaysWhyItCannotMakePods) {
  auto set = make_stateful("web", 2);
  set.mutable_spec()->mutable_template_()->mutable_spec()->set_priority_class_name("missing");
  must(plane->create(set));
  View<corev1::Event> events(*plane);
  ASSERT_TRUE(events.wait([](const auto& all) {
    return std::any_of(all.begin(), all.end(), [](const auto& item) {
      return item.second.reason() == "FailedCreate" &&
             item.second.message().find("create Pod web-0 in StatefulSet web failed error: ") == 0 &&
             item.second.message().find("no PriorityClass with name missing was found") != std::string::npos;
    });
  }));
  EXPECT_EQ(sets->get("web")->status().replicas(), 0);
  must(plane->patch<StatefulSet>("web",
                                 R"({"spec":{"template":{"spec":{"priorityClassName":"system-cluster-critical"}}}})"));
  complete("web");
}

TEST_F(StatefulSets, SetsWithTheSameSelectorKeepApart) {
  auto set = make_stateful("web", 2);
  auto other = make_stateful("web-1", 2);
  *other.mutable_spec()->mutable_selector() = set.spec().selector();
  *other.mutable_spec()->mutable_template_() = set.spec().template_();
  must(plane->create(set));
  must(plane->create(other));
  complete("web");
  complete("web-1");
  EXPECT_EQ(pods->ever(), 4u);
  ASSERT_TRUE(plane->remove<Pod>("web-1").ok());
  ASSERT_TRUE(plane->remove<Pod>("web-1-0").ok());
  ASSERT_TRUE(wait_pods([&](const Pods& all) { return pods->ever() == 6 && count_ready(all) == 4; }));
}

// Whatever happens to the controller, the order holds and no pod is made twice.
TEST_F(StatefulSets, AReloadInTheMidstChangesNothing) {
  OrderWatch order(*plane);
  std::atomic<bool> done = false;
  std::thread noise([&] {
    for (int round = 0; !done; ++round) {
      (void)plane->patch<StatefulSet>("web",
                                      R"({"metadata":{"annotations":{"round":")" + std::to_string(round) + R"("}}})");
      if (round % 5 == 0 && !plane->reload("statefulset").ok()) ADD_FAILURE() << "the reload failed";
    }
  });
  auto set = make_stateful("web", 12);
  add_claim(set, "data");
  must(plane->create(set));
  EXPECT_TRUE(wait_pods([](const Pods& all) { return count_ready(all) == 12; }));
  done = true;
  noise.join();
  complete("web");
  EXPECT_EQ(order.broken(), "");
  EXPECT_EQ(pods->ever(), 12u);
  EXPECT_EQ(claims->ever(), 12u);
}

TEST_F(StatefulSets, ARestartedControllerGoesOnWhereTheOtherStopped) {
  must(plane->create(make_stateful("web", 4)));
  complete("web");
  plane->stop_controllers();
  ASSERT_TRUE(plane->remove<Pod>("web-1").ok());
  must(plane->patch<StatefulSet>("web", image_patch("web:2")));
  must(plane->patch<StatefulSet>("web", size_patch(3)));
  ASSERT_TRUE(wait_pods([](const Pods& all) { return all.size() == 3; }));
  ASSERT_TRUE(plane->restart_controllers().ok());
  complete("web");
  const auto now = pods->objects();
  for (const char* name : {"web-0", "web-1", "web-2"}) EXPECT_EQ(image(now, name), "web:2") << name;
}

}  // namespace
}  // namespace gantry::integration
