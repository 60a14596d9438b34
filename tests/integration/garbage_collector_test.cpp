// The garbage collector's real file, against the real API: what is deleted, in which order, and what survives.
#include <gtest/gtest.h>

#include <set>

#include "k8s.io/api/apps/v1/deployment.pb.h"
#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/core/v1/config.pb.h"
#include "k8s.io/api/core/v1/event.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "tests/integration/test_plane.hpp"

namespace gantry::integration {
namespace {

using ConfigMap = corev1::ConfigMap;
using ConfigMaps = View<ConfigMap>::Objects;

metav1::OwnerReference reference_to(const ConfigMap& owner, bool blocks = true) {
  metav1::OwnerReference reference;
  reference.set_api_version("v1");
  reference.set_kind("ConfigMap");
  reference.set_name(owner.metadata().name());
  reference.set_uid(owner.metadata().uid());
  reference.set_block_owner_deletion(blocks);
  return reference;
}

metav1::DeleteOptions policy(const std::string& name) {
  metav1::DeleteOptions options;
  options.set_propagation_policy(name);
  return options;
}

struct GarbageCollectorTest : testing::Test {
  void start(std::vector<std::string> plugins = {"garbage-collector"}) {
    auto started = TestPlane::start({std::move(plugins), {}});
    ASSERT_TRUE(started.ok()) << started.error().message();
    plane = std::move(*started);
  }
  ConfigMap make(const std::string& name, const std::vector<metav1::OwnerReference>& owners = {}) {
    ConfigMap object;
    object.mutable_metadata()->set_name(name);
    for (const auto& owner : owners) *object.mutable_metadata()->add_owner_references() = owner;
    auto made = plane->create(object);
    EXPECT_TRUE(made.ok()) << made.error().message();
    return made ? *made : object;
  }
  void remove(const std::string& name, const std::string& how) {
    const auto done = plane->remove<ConfigMap>(name, policy(how));
    EXPECT_TRUE(done.ok()) << done.message();
  }
  static View<ConfigMap>::Check exactly(std::set<std::string> names) {
    return [names = std::move(names)](const ConfigMaps& objects) {
      std::set<std::string> have;
      for (const auto& [name, object] : objects) have.insert(name);
      return have == names;
    };
  }

  std::unique_ptr<TestPlane> plane;
};

TEST_F(GarbageCollectorTest, BackgroundDeletesDependentsOfDependents) {
  start();
  View<ConfigMap> view(*plane);
  const auto owner = make("owner");
  const auto child = make("child", {reference_to(owner)});
  for (int i = 0; i < 50; ++i) make("leaf-" + std::to_string(i), {reference_to(child)});
  make("stranger");
  remove("owner", "Background");
  EXPECT_TRUE(view.wait(exactly({"stranger"})));
}

TEST_F(GarbageCollectorTest, ManyDependentsInEveryWay) {
  start();
  View<ConfigMap> view(*plane);
  for (const char* how : {"Background", "Foreground", "Orphan"}) {
    const auto owner = make("owner");
    for (int i = 0; i < 300; ++i) make("leaf-" + std::to_string(i), {reference_to(owner)});
    ASSERT_TRUE(view.wait([](const ConfigMaps& objects) { return objects.size() == 301; }));
    remove("owner", how);
    const bool orphan = std::string_view(how) == "Orphan";
    EXPECT_TRUE(view.wait([&](const ConfigMaps& objects) {
      return orphan ? objects.size() == 300 && !objects.contains("owner") : objects.empty();
    })) << how;
  }
}

TEST_F(GarbageCollectorTest, ForegroundGoesFromTheLeavesUp) {
  start();
  std::vector<std::string> wrong;
  View<ConfigMap> view(*plane, [&](const ConfigMaps& objects) {
    const auto has = [&](const char* name) { return objects.contains(name); };
    if (has("leaf") && !has("child")) wrong.emplace_back("child before leaf");
    if (has("child") && !has("owner")) wrong.emplace_back("owner before child");
  });
  const auto owner = make("owner");
  const auto child = make("child", {reference_to(owner)});
  make("leaf", {reference_to(child)});
  ASSERT_TRUE(view.wait(exactly({"child", "leaf", "owner"})));
  wrong.clear();  // while they were made, the watch saw them one by one
  remove("owner", "Foreground");
  EXPECT_TRUE(view.wait(exactly({})));
  EXPECT_EQ(wrong, std::vector<std::string>());
}

TEST_F(GarbageCollectorTest, ForegroundWaitsForADependentThatSomebodyHolds) {
  start();
  View<ConfigMap> view(*plane);
  const auto owner = make("owner");
  make("child", {reference_to(owner)});
  ASSERT_TRUE(plane->patch<ConfigMap>("child", "{\"metadata\":{\"finalizers\":[\"example.com/hold\"]}}").ok());
  remove("owner", "Foreground");
  ASSERT_TRUE(view.wait([](const ConfigMaps& objects) {
    const auto child = objects.find("child");
    return child != objects.end() && child->second.metadata().has_deletion_timestamp();
  }));
  EXPECT_TRUE(plane->get<ConfigMap>("owner").ok());
  ASSERT_TRUE(plane->patch<ConfigMap>("child", "{\"metadata\":{\"finalizers\":null}}").ok());
  EXPECT_TRUE(view.wait(exactly({})));
}

TEST_F(GarbageCollectorTest, OrphanKeepsDependentsWithoutTheReference) {
  start();
  View<ConfigMap> view(*plane);
  const auto owner = make("owner");
  const auto other = make("other");
  make("child", {reference_to(owner), reference_to(other)});
  make("only-child", {reference_to(owner)});
  remove("owner", "Orphan");
  EXPECT_TRUE(view.wait([&](const ConfigMaps& objects) {
    const auto child = objects.find("child"), only = objects.find("only-child");
    return !objects.contains("owner") && child != objects.end() && only != objects.end() &&
           child->second.metadata().owner_references_size() == 1 &&
           only->second.metadata().owner_references_size() == 0;
  }));
}

TEST_F(GarbageCollectorTest, OrphanRightAfterTheDependentWasMade) {
  start();
  View<ConfigMap> view(*plane);
  for (int i = 0; i < 20; ++i) {
    const auto owner = make("owner-" + std::to_string(i));
    make("child-" + std::to_string(i), {reference_to(owner)});
    remove("owner-" + std::to_string(i), "Orphan");
  }
  EXPECT_TRUE(view.wait([](const ConfigMaps& objects) {
    size_t orphans = 0;
    for (const auto& [name, object] : objects) {
      if (name.starts_with("owner")) return false;
      orphans += object.metadata().owner_references_size() == 0 ? 1 : 0;
    }
    return orphans == 20;
  }));
}

TEST_F(GarbageCollectorTest, ACycleIsNoDeadlock) {
  start();
  View<ConfigMap> view(*plane);
  const auto a = make("a");
  const auto b = make("b", {reference_to(a)});
  auto changed = a;
  *changed.mutable_metadata()->add_owner_references() = reference_to(b);
  ASSERT_TRUE(plane->update(changed).ok());
  remove("a", "Foreground");
  EXPECT_TRUE(view.wait(exactly({})));
}

TEST_F(GarbageCollectorTest, DanglingReferencesGoWhereAnOwnerStays) {
  start();
  View<ConfigMap> view(*plane);
  const auto one = make("one"), two = make("two");
  make("child", {reference_to(one), reference_to(two)});
  remove("one", "Background");
  EXPECT_TRUE(view.wait([&](const ConfigMaps& objects) {
    const auto child = objects.find("child");
    return child != objects.end() && child->second.metadata().owner_references_size() == 1 &&
           child->second.metadata().owner_references(0).name() == "two";
  }));
}

TEST_F(GarbageCollectorTest, WhatHappenedWhileItWasAwayIsSeenAtStart) {
  start();
  View<ConfigMap> view(*plane);
  const auto background = make("background"), foreground = make("foreground"), orphan = make("orphan");
  make("b", {reference_to(background)});
  make("f", {reference_to(foreground)});
  make("o", {reference_to(orphan)});
  plane->stop_controllers();
  remove("background", "Background");
  remove("foreground", "Foreground");
  remove("orphan", "Orphan");
  ASSERT_TRUE(plane->restart_controllers().ok());
  EXPECT_TRUE(view.wait(exactly({"o"})));
}

TEST_F(GarbageCollectorTest, AnObjectMadeForAnOwnerThatNeverWas) {
  start();
  View<ConfigMap> view(*plane);
  ConfigMap nobody;
  nobody.mutable_metadata()->set_name("nobody");
  nobody.mutable_metadata()->set_uid("2c7ad9a1-0000-4000-8000-000000000000");
  make("child", {reference_to(nobody)});
  EXPECT_TRUE(view.wait(exactly({})));
}

TEST_F(GarbageCollectorTest, AnOwnerInAnotherNamespaceIsSaidToBeWrong) {
  start();
  View<ConfigMap> view(*plane);
  View<corev1::Event> events(*plane);
  auto request = sdk::Host::request_for<ConfigMap>(ApiRequest::CREATE, "kube-public", "");
  ConfigMap far;
  far.mutable_metadata()->set_name("far");
  request.set_body(far.SerializeAsString());
  const auto made = client::parse_object<ConfigMap>(plane->client().call(request));
  ASSERT_TRUE(made.ok()) << made.error().message();
  View<ConfigMap> there(*plane, nullptr, "kube-public");
  make("settle");  // the collector's caches are one event behind this at most
  make("child", {reference_to(*made)});
  EXPECT_TRUE(
      view.wait([](const ConfigMaps& objects) { return objects.contains("settle") && !objects.contains("child"); }));
  EXPECT_TRUE(events.wait([](const auto& seen) {
    for (const auto& [name, event] : seen) {
      if (event.reason() == "OwnerRefInvalidNamespace" && event.involved_object().name() == "child") return true;
    }
    return false;
  }));
}

TEST_F(GarbageCollectorTest, ADeploymentTakesItsPodsWithIt) {
  start({"deployment", "garbage-collector", "replicaset"});
  View<corev1::Pod> pods(*plane);
  View<appsv1::ReplicaSet> sets(*plane);
  appsv1::Deployment deployment;
  deployment.mutable_metadata()->set_name("d");
  auto& spec = *deployment.mutable_spec();
  spec.set_replicas(5);
  (*spec.mutable_selector()->mutable_match_labels())["app"] = "d";
  (*spec.mutable_template_()->mutable_metadata()->mutable_labels())["app"] = "d";
  auto& container = *spec.mutable_template_()->mutable_spec()->add_containers();
  container.set_name("c");
  container.set_image("x");
  const auto made = plane->create(deployment);
  ASSERT_TRUE(made.ok()) << made.error().message();
  ASSERT_TRUE(pods.wait([](const auto& seen) { return seen.size() == 5; }));
  ASSERT_TRUE(plane->remove<appsv1::Deployment>("d", policy("Foreground")).ok());
  EXPECT_TRUE(pods.wait([](const auto& seen) { return seen.empty(); }));
  EXPECT_TRUE(sets.wait([](const auto& seen) { return seen.empty(); }));
  EXPECT_EQ(pods.ever(), 5u) << "nothing was made again for a deployment that goes";
}

}  // namespace
}  // namespace gantry::integration
