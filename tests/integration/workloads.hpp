// Objects and questions that the workload tests share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gantry/ownership.hpp"
#include "gantry/pods.hpp"
#include "k8s.io/api/apps/v1/deployment.pb.h"
#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/core/v1/event.pb.h"
#include "tests/integration/fake_nodes.hpp"
#include "tests/integration/test_plane.hpp"

namespace gantry::integration {

using appsv1::Deployment;
using appsv1::ReplicaSet;
using corev1::Pod;
using Fate = FakeNodes::Fate;
using Pods = View<Pod>::Objects;

inline void fill_template(corev1::PodTemplateSpec& spec, const std::string& app, const std::string& image) {
  (*spec.mutable_metadata()->mutable_labels())["app"] = app;
  auto& container = *spec.mutable_spec()->add_containers();
  container.set_name("main");
  container.set_image(image);
}

inline Deployment make_deployment(const std::string& name, int32_t replicas, const std::string& image = "web:1") {
  Deployment deployment;
  deployment.mutable_metadata()->set_name(name);
  auto& spec = *deployment.mutable_spec();
  spec.set_replicas(replicas);
  (*spec.mutable_selector()->mutable_match_labels())["app"] = name;
  fill_template(*spec.mutable_template_(), name, image);
  return deployment;
}

inline ReplicaSet make_set(const std::string& name, int32_t replicas, const std::string& image = "web:1") {
  ReplicaSet set;
  set.mutable_metadata()->set_name(name);
  auto& spec = *set.mutable_spec();
  spec.set_replicas(replicas);
  (*spec.mutable_selector()->mutable_match_labels())["app"] = name;
  fill_template(*spec.mutable_template_(), name, image);
  return set;
}

inline Pod make_pod(const std::string& name, const std::string& app) {
  Pod pod;
  pod.mutable_metadata()->set_name(name);
  corev1::PodTemplateSpec from;
  fill_template(from, app, "web:1");
  *pod.mutable_metadata()->mutable_labels() = from.metadata().labels();
  *pod.mutable_spec() = from.spec();
  return pod;
}

inline std::string image_patch(const std::string& image) {
  return R"({"spec":{"template":{"spec":{"containers":[{"name":"main","image":")" + image + R"("}]}}}})";
}
inline std::string size_patch(int32_t replicas) { return R"({"spec":{"replicas":)" + std::to_string(replicas) + "}}"; }

inline const std::string& image_of(const Pod& pod) { return pod.spec().containers(0).image(); }

inline int32_t count_active(const Pods& pods) {
  return static_cast<int32_t>(
      std::count_if(pods.begin(), pods.end(), [](const auto& item) { return sdk::is_active(item.second); }));
}
inline int32_t count_ready(const Pods& pods) {
  return static_cast<int32_t>(std::count_if(pods.begin(), pods.end(), [](const auto& item) {
    return sdk::is_active(item.second) && sdk::is_ready(item.second);
  }));
}

inline std::string condition_text(const Deployment& deployment, const std::string& type) {
  for (const auto& condition : deployment.status().conditions()) {
    if (condition.type() == type) return condition.status() + " " + condition.reason() + ": " + condition.message();
  }
  return "(none)";
}

inline std::string annotation(const metav1::ObjectMeta& meta, const std::string& key) {
  const auto it = meta.annotations().find(key);
  return it == meta.annotations().end() ? "(none)" : it->second;
}

// The end of a rollout as `kubectl rollout status` sees it.
inline bool rolled_out(const Deployment& deployment) {
  const auto& status = deployment.status();
  const int32_t wanted = deployment.spec().replicas();
  return status.observed_generation() >= deployment.metadata().generation() && status.updated_replicas() == wanted &&
         status.replicas() == wanted && status.available_replicas() == wanted;
}

inline std::string status_text(const Deployment& deployment) {
  const auto& status = deployment.status();
  return "generation " + std::to_string(deployment.metadata().generation()) + ", observed " +
         std::to_string(status.observed_generation()) + ", " + std::to_string(deployment.spec().replicas()) +
         " wanted, " + std::to_string(status.replicas()) + " exist, " + std::to_string(status.updated_replicas()) +
         " updated, " + std::to_string(status.available_replicas()) + " available; " +
         condition_text(deployment, "Progressing");
}

struct Workloads : testing::Test {
  void SetUp() override { start({.plugins = {"replicaset", "deployment"}}); }
  void start(TestPlane::Options options) {
    auto started = TestPlane::start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.error().message();
    plane = std::move(*started);
  }
  template <typename T>
  T must(Expected<T> value) {
    EXPECT_TRUE(value.ok()) << value.error().message();
    return value.ok() ? std::move(*value) : T();
  }
  // Sets of a Deployment, oldest revision first.
  std::vector<ReplicaSet> sets_of(const std::string& app) {
    auto sets = plane->list<ReplicaSet>("app=" + app);
    std::sort(sets.begin(), sets.end(), [](const auto& a, const auto& b) {
      return std::stoi(annotation(a.metadata(), "deployment.kubernetes.io/revision")) <
             std::stoi(annotation(b.metadata(), "deployment.kubernetes.io/revision"));
    });
    return sets;
  }
  void wait_rolled_out(View<Deployment>& deployments, const std::string& name) {
    const auto wanted = must(plane->get<Deployment>(name)).metadata().generation();
    ASSERT_TRUE(deployments.wait([&](const auto& all) {
      const auto it = all.find(name);
      return it != all.end() && it->second.metadata().generation() >= wanted && rolled_out(it->second);
    })) << name
        << ": " << status_text(must(plane->get<Deployment>(name)));
  }
  // Events are written in the background.
  bool wait_event(const std::string& object, const std::string& text) {
    View<corev1::Event> events(*plane);
    return events.wait([&](const auto& all) {
      return std::any_of(all.begin(), all.end(), [&](const auto& item) {
        return item.second.involved_object().name() == object &&
               item.second.reason() + ": " + item.second.message() == text;
      });
    });
  }
  std::unique_ptr<TestPlane> plane;
};

}  // namespace gantry::integration
