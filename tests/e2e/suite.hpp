// A test suite with one cluster for all its tests, each in a namespace of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/e2e/cluster.hpp"

namespace gantry::e2e {

class Suite : public ::testing::Test {
 public:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<Cluster>();
    cluster_->start();
    cluster_->import_image();
  }
  static void TearDownTestSuite() { cluster_.reset(); }

 protected:
  void SetUp() override {
    ASSERT_TRUE(cluster_ && cluster_->daemon_pid() > 0);
    std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    for (char& c : test) c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    ns_ = test;
    k({"create", "namespace", ns_});
  }
  void TearDown() override {
    if (cluster_ && cluster_->daemon_pid() > 0) {
      cluster_->kubectl({"delete", "namespace", ns_, "--wait=false"});
    }
  }

  // kubectl in this test's namespace, which must succeed.
  std::string k(std::vector<std::string> arguments, const std::string& input = {}) const {
    arguments.insert(arguments.begin(), {"-n", ns_});
    return cluster_->must(std::move(arguments), input);
  }
  // The same, whatever comes of it.
  Output try_k(std::vector<std::string> arguments, const std::string& input = {}) const {
    arguments.insert(arguments.begin(), {"-n", ns_});
    return cluster_->kubectl(std::move(arguments), input);
  }
  std::string path(const std::string& object, const std::string& jsonpath) const {
    return k({"get", object, "-o", "jsonpath=" + jsonpath});
  }
  void rollout(const std::string& object) const { k({"rollout", "status", object, "--timeout=50s"}); }
  // A pod with one container that runs a shell command.
  std::string pod(const std::string& name, const std::string& script, const std::string& extra = {},
                  const std::string& container_extra = {}) const {
    return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\n  labels: {app: " + name +
           "}\nspec:\n  terminationGracePeriodSeconds: 1\n" + extra +
           "  containers:\n  - name: main\n    image: " + Cluster::kImage + "\n    command: [\"/bin/sh\", \"-c\", \"" +
           script + "\"]\n" + container_extra;
  }
  // A Deployment whose pods run until they are told to stop.
  std::string deployment(const std::string& name, int replicas, const std::string& spec_extra = {},
                         const std::string& container_extra = {}) const {
    return "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: " + name +
           "\nspec:\n  replicas: " + std::to_string(replicas) + "\n  selector: {matchLabels: {app: " + name + "}}\n" +
           spec_extra + "  template:\n    metadata: {labels: {app: " + name +
           "}}\n    spec:\n      terminationGracePeriodSeconds: 1\n      containers:\n      - name: main\n        "
           "image: " +
           Cluster::kImage +
           "\n        command: [\"/bin/sh\", \"-c\", \"trap 'exit 0' TERM; while true; do sleep 1; done\"]\n" +
           container_extra;
  }

  static inline std::unique_ptr<Cluster> cluster_;
  std::string ns_;
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace gantry::e2e
