// Which sets an event of a pod concerns.
#include <gmock/gmock.h>

#include "controller.hpp"

namespace gantry::replicaset {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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
