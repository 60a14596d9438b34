// The namespace and service account controllers' real files, against the real API: namespaces come with what they need,
// and go.
#include <gtest/gtest.h>

#include "gantry/abi/log.h"
#include "k8s.io/api/core/v1/config.pb.h"
#include "k8s.io/api/core/v1/namespace.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/api/core/v1/service_account.pb.h"
#include "tests/integration/test_plane.hpp"

namespace gantry::integration {
namespace {

using Namespace = corev1::Namespace;
using Namespaces = View<Namespace>::Objects;

struct NamespaceTest : testing::Test {
  void SetUp() override {
    auto started = TestPlane::start({{"garbage-collector", "namespace", "serviceaccount"}, {}});
    ASSERT_TRUE(started.ok()) << started.error().message();
    plane = std::move(*started);
    namespaces = std::make_unique<View<Namespace>>(*plane, nullptr, "");
  }
  void TearDown() override { namespaces.reset(); }

  template <typename M>
  Expected<M> create_in(const std::string& ns, const M& object) {
    auto request = sdk::Host::request_for<M>(ApiRequest::CREATE, ns, "");
    request.set_body(object.SerializeAsString());
    return client::parse_object<M>(plane->client().call(request));
  }
  template <typename M>
  M named(const std::string& name) {
    M object;
    object.mutable_metadata()->set_name(name);
    return object;
  }
  void make(const std::string& ns) {
    const auto made = create_in("", named<Namespace>(ns));
    ASSERT_TRUE(made.ok()) << made.error().message();
  }
  template <typename M>
  Expected<ApiResponse> remove_in(const std::string& ns, const std::string& name,
                                  const metav1::DeleteOptions& options = {}) {
    auto request = sdk::Host::request_for<M>(ApiRequest::DELETE, ns, name);
    request.set_body(options.SerializeAsString());
    return plane->client().call(request);
  }
  template <typename M>
  Expected<M> patch_in(const std::string& ns, const std::string& name, const std::string& json) {
    auto request = sdk::Host::request_for<M>(ApiRequest::PATCH, ns, name);
    request.set_patch_type(ApiRequest::MERGE_PATCH);
    request.set_body(json);
    return client::parse_object<M>(plane->client().call(request));
  }
  bool gone(const std::string& ns, int64_t seconds = 30) {
    return namespaces->wait([&](const Namespaces& objects) { return !objects.contains(ns); }, seconds);
  }
  bool has_condition(const std::string& ns, const std::string& type, const std::string& part) {
    return namespaces->wait([&](const Namespaces& objects) {
      const auto it = objects.find(ns);
      if (it == objects.end()) return false;
      for (const auto& condition : it->second.status().conditions()) {
        if (condition.type() == type && condition.status() == "True") {
          return condition.message().find(part) != std::string::npos;
        }
      }
      return false;
    });
  }
  std::string told(const std::string& ns) const {
    const auto object = namespaces->get(ns);
    if (!object) return "the namespace is gone";
    std::string out = object->status().phase();
    for (const auto& condition : object->status().conditions()) {
      out += "\n" + condition.type() + " " + condition.status() + ": " + condition.message();
    }
    return out;
  }
  corev1::Pod pod_on_node(const std::string& name, int64_t grace) {
    auto pod = named<corev1::Pod>(name);
    auto& container = *pod.mutable_spec()->add_containers();
    container.set_name("c");
    container.set_image("x");
    pod.mutable_spec()->set_node_name("n");
    pod.mutable_spec()->set_termination_grace_period_seconds(grace);
    return pod;
  }

  std::unique_ptr<TestPlane> plane;
  std::unique_ptr<View<Namespace>> namespaces;
};

TEST_F(NamespaceTest, EveryNamespaceHasItsDefaultServiceAccount) {
  make("one");
  View<corev1::ServiceAccount> accounts(*plane, nullptr, "one");
  const auto there = [](const auto& seen) { return seen.contains("default"); };
  ASSERT_TRUE(accounts.wait(there));
  for (const char* ns : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    View<corev1::ServiceAccount> of_the_system(*plane, nullptr, ns);
    EXPECT_TRUE(of_the_system.wait(there)) << ns;
  }
  const auto first = accounts.get("default")->metadata().uid();
  ASSERT_TRUE(remove_in<corev1::ServiceAccount>("one", "default").ok());
  EXPECT_TRUE(accounts.wait([&](const auto& seen) {
    const auto it = seen.find("default");
    return it != seen.end() && it->second.metadata().uid() != first;
  }));
}

TEST_F(NamespaceTest, AnEmptyOneGoesAtOnce) {
  make("one");
  ASSERT_TRUE(remove_in<Namespace>("", "one").ok());
  EXPECT_TRUE(gone("one"));
}

TEST_F(NamespaceTest, TakesItsContentAlong) {
  make("one");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(create_in("one", named<corev1::ConfigMap>("c" + std::to_string(i))).ok());
    ASSERT_TRUE(create_in("one", named<corev1::Secret>("s" + std::to_string(i))).ok());
  }
  ASSERT_TRUE(plane->create(named<corev1::ConfigMap>("elsewhere")).ok());
  ASSERT_TRUE(remove_in<Namespace>("", "one").ok());
  ASSERT_TRUE(gone("one"));
  make("one");
  auto request = sdk::Host::request_for<corev1::ConfigMap>(ApiRequest::LIST, "one", "");
  const auto left = plane->client().call(request);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->objects_size(), 0) << "nothing of the first comes back with the second";
  EXPECT_TRUE(plane->get<corev1::ConfigMap>("elsewhere").ok());
}

TEST_F(NamespaceTest, FinalizersHoldItUntilTheyAreGone) {
  make("one");
  auto held = named<corev1::ConfigMap>("held");
  held.mutable_metadata()->add_finalizers("example.com/hold");
  ASSERT_TRUE(create_in("one", held).ok());
  ASSERT_TRUE(remove_in<Namespace>("", "one").ok());
  EXPECT_TRUE(has_condition("one", "NamespaceFinalizersRemaining", "example.com/hold in 1 resource instances"));
  EXPECT_TRUE(has_condition("one", "NamespaceContentRemaining", "configmaps. has 1 resource instances"));
  EXPECT_EQ(create_in("one", named<corev1::ConfigMap>("late")).error().code(), 403);
  ASSERT_TRUE(patch_in<corev1::ConfigMap>("one", "held", "{\"metadata\":{\"finalizers\":null}}").ok());
  EXPECT_TRUE(gone("one", 5)) << "its going wakes the controller; the 8 s are only the fallback";
}

TEST_F(NamespaceTest, PodsEndFirst) {
  make("one");
  ASSERT_TRUE(create_in("one", named<corev1::ConfigMap>("of-the-pod")).ok());
  const auto made = create_in("one", pod_on_node("p", 60));
  ASSERT_TRUE(made.ok()) << made.error().message();
  ASSERT_TRUE(remove_in<Namespace>("", "one").ok());
  ASSERT_TRUE(has_condition("one", "NamespaceContentRemaining", "pods. has 1 resource instances")) << told("one");
  const auto config = sdk::Host::request_for<corev1::ConfigMap>(ApiRequest::GET, "one", "of-the-pod");
  EXPECT_TRUE(plane->client().call(config).ok()) << "the pod may still need it";
  metav1::DeleteOptions now;
  now.set_grace_period_seconds(0);
  ASSERT_TRUE(remove_in<corev1::Pod>("one", "p", now).ok());
  EXPECT_TRUE(gone("one", 5));
}

TEST_F(NamespaceTest, GoesOnAfterARestart) {
  make("one");
  ASSERT_TRUE(create_in("one", named<corev1::ConfigMap>("c")).ok());
  plane->stop_controllers();
  ASSERT_TRUE(remove_in<Namespace>("", "one").ok());
  ASSERT_TRUE(plane->restart_controllers().ok());
  EXPECT_TRUE(gone("one"));
}

TEST_F(NamespaceTest, ManyAtOnceWithOwnersInside) {
  for (int i = 0; i < 10; ++i) {
    const auto ns = "many-" + std::to_string(i);
    make(ns);
    const auto owner = create_in(ns, named<corev1::ConfigMap>("owner"));
    ASSERT_TRUE(owner.ok());
    for (int j = 0; j < 5; ++j) {
      auto child = named<corev1::ConfigMap>("child-" + std::to_string(j));
      auto& reference = *child.mutable_metadata()->add_owner_references();
      reference.set_api_version("v1");
      reference.set_kind("ConfigMap");
      reference.set_name("owner");
      reference.set_uid(owner->metadata().uid());
      ASSERT_TRUE(create_in(ns, child).ok());
    }
  }
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(remove_in<Namespace>("", "many-" + std::to_string(i)).ok());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(gone("many-" + std::to_string(i)));
  for (const auto& line : plane->log(GANTRY_LOG_WARN)) ADD_FAILURE() << line;
}

}  // namespace
}  // namespace gantry::integration
