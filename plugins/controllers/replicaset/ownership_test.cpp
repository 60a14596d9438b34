// The SDK's rules of ownership, and which sets an event of a pod concerns.
#include "gantry/ownership.hpp"

#include <gmock/gmock.h>

#include "controller.hpp"

namespace gantry::replicaset {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

metav1::LabelSelector selector() {
  metav1::LabelSelector selector;
  (*selector.mutable_match_labels())["app"] = "web";
  const auto add = [&](const char* key, const char* op, std::vector<std::string> values) {
    auto& requirement = *selector.add_match_expressions();
    requirement.set_key(key);
    requirement.set_operator_(op);
    for (auto& value : values) requirement.add_values(std::move(value));
  };
  add("tier", "In", {"a", "b"});
  add("zone", "NotIn", {"far"});
  add("track", "Exists", {});
  add("old", "DoesNotExist", {});
  return selector;
}

bool matches(const std::map<std::string, std::string>& labels) {
  sdk::LabelMap map;
  for (const auto& [key, value] : labels) map[key] = value;
  return sdk::selector_matches(selector(), map);
}

TEST(Ownership, SelectorsMatchAsTheApiDoes) {
  EXPECT_TRUE(matches({{"app", "web"}, {"tier", "a"}, {"track", ""}}));
  EXPECT_TRUE(matches({{"app", "web"}, {"tier", "b"}, {"track", "x"}, {"zone", "near"}, {"more", "y"}}));
  EXPECT_FALSE(matches({{"app", "api"}, {"tier", "a"}, {"track", ""}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"tier", "c"}, {"track", ""}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"track", ""}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"tier", "a"}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"tier", "a"}, {"track", ""}, {"zone", "far"}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"tier", "a"}, {"track", ""}, {"old", "1"}}));
  EXPECT_TRUE(sdk::selector_matches({}, {}));
  EXPECT_TRUE(sdk::is_empty({}));
  EXPECT_FALSE(sdk::is_empty(selector()));
}

TEST(Ownership, SelectorsAsText) {
  EXPECT_EQ(sdk::selector_text(selector()), "app=web,tier in (a,b),zone notin (far),track,!old");
  EXPECT_EQ(sdk::selector_text({}), "");
}

TEST(Ownership, PatchesCarryTheUidTheyAreMeantFor) {
  metav1::ObjectMeta owner;
  owner.set_name("web");
  owner.set_uid("u1");
  EXPECT_EQ(sdk::adoption_patch(sdk::controller_reference(owner, "apps/v1", "ReplicaSet"), "p1"),
            R"({"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"u1",)"
            R"("controller":true,"blockOwnerDeletion":true}],"uid":"p1"}})");
  EXPECT_EQ(sdk::release_patch("u1", "p1"),
            R"({"metadata":{"ownerReferences":[{"$patch":"delete","uid":"u1"}],"uid":"p1"}})");
}

// A host that offers nothing: what needs no cache must work, and the rest must not crash.
const void* no_interface(const gantry_host*, const char*) { return nullptr; }

corev1::Pod pod_of(const std::string& set, const std::string& uid, const std::string& kind = "ReplicaSet") {
  corev1::Pod pod;
  pod.mutable_metadata()->set_namespace_("shop");
  if (set.empty()) return pod;
  auto& owner = *pod.mutable_metadata()->add_owner_references();
  owner.set_api_version(kind == "ReplicaSet" ? "apps/v1" : "batch/v1");
  owner.set_kind(kind);
  owner.set_name(set);
  owner.set_uid(uid);
  owner.set_controller(true);
  return pod;
}

std::vector<std::string> keys(abi::ObjectEvent::Type type, const corev1::Pod& now,
                              const corev1::Pod* before = nullptr) {
  gantry_host raw{};
  raw.get_interface = &no_interface;
  ReplicaSetController controller{sdk::Host(&raw)};
  abi::ObjectEvent event;
  event.set_type(type);
  event.set_resource("pods");
  event.set_object(now.SerializeAsString());
  if (before != nullptr) event.set_previous(before->SerializeAsString());
  std::vector<std::string> found;
  controller.map(event, [&](std::string_view ns, std::string_view name) {
    found.push_back(std::string(ns) + "/" + std::string(name));
  });
  return found;
}

TEST(PodEvents, ConcernTheSetThatOwnsThePodAndTheOneThatDid) {
  const auto one = pod_of("one", "u1"), two = pod_of("two", "u2"), none = pod_of("", ""),
             job = pod_of("j", "u3", "Job");
  EXPECT_THAT(keys(abi::ObjectEvent::ADDED, one), ElementsAre("shop/one"));
  EXPECT_THAT(keys(abi::ObjectEvent::DELETED, one, &one), ElementsAre("shop/one"));
  EXPECT_THAT(keys(abi::ObjectEvent::MODIFIED, one, &one), ElementsAre("shop/one"));
  EXPECT_THAT(keys(abi::ObjectEvent::MODIFIED, two, &one), ElementsAre("shop/two", "shop/one"));
  EXPECT_THAT(keys(abi::ObjectEvent::MODIFIED, none, &one), ElementsAre("shop/one"));
  EXPECT_THAT(keys(abi::ObjectEvent::ADDED, job), IsEmpty());
  EXPECT_THAT(keys(abi::ObjectEvent::ADDED, none), IsEmpty());
}

TEST(PodEvents, BrokenObjectsConcernNobody) {
  gantry_host raw{};
  raw.get_interface = &no_interface;
  ReplicaSetController controller{sdk::Host(&raw)};
  abi::ObjectEvent event;
  event.set_object("\x0a\xff\xff");
  controller.map(event, [](std::string_view, std::string_view) { FAIL(); });
}

TEST(Controller, WithoutAHostItReconcilesNothingAndSaysNothing) {
  gantry_host raw{};
  raw.get_interface = &no_interface;
  ReplicaSetController controller{sdk::Host(&raw)};
  EXPECT_TRUE(controller.configure().ok());
  EXPECT_TRUE(controller.spec().wait_own_writes());
  EXPECT_EQ(controller.spec().workers(), 5);
  EXPECT_TRUE(controller.reconcile({"shop", "web"}).ok());
}

}  // namespace
}  // namespace gantry::replicaset
