// For tests only: the whole agent against the real API server in the same process, with a runtime and a network in
// memory.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "core/apiserver/test_server.hpp"
#include "core/node/agent.hpp"
#include "core/node/agent_testing.hpp"
#include "core/node/machine/cgroups.hpp"
#include "core/node/runtime/fake_runtime.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/options.pb.h"

namespace gantry::node {

using testing::make_container;
using testing::make_pod;
namespace fs = std::filesystem;

inline const client::ResourceRef kPodRef{"", "v1", "pods"}, kNodeRef{"", "v1", "nodes"};

class AgentTest : public apiserver::ServerTest {
 protected:
  virtual std::optional<network::OverlayClient> overlay() { return std::nullopt; }
  virtual std::vector<std::string> cluster_cidrs() { return {}; }
  apiserver::Options options() override {
    apiserver::Options out;
    out.now_unix_ns = [this] { return clock_.now_unix_ns(); };
    return out;
  }
  void SetUp() override {
    ServerTest::SetUp();
    client_ = client::make_local_client(*server_, {"system:node:n1", {"system:nodes", "system:authenticated"}, {}});
    runtime_.add_image("busybox:1");
    start_agent();
  }
  void TearDown() override {
    stop_agent();
    client_.reset();
    const auto cgroups = Cgroups::of_host(cgroup_root_);
    for (const auto& uid : cgroups.known()) EXPECT_TRUE(cgroups.remove(uid).ok());
    remove_cgroup_root();
    ServerTest::TearDown();
  }

  void remove_cgroup_root() const {
    std::ifstream in("/proc/self/mountinfo");
    const auto mounts = Cgroups::parse_mounts({std::istreambuf_iterator<char>(in), {}});
    std::set<fs::path> bases{mounts.v2};
    for (const auto& [name, path] : mounts.v1) bases.insert(path);
    for (const auto& base : bases) {
      for (const char* level : {"/besteffort", "/burstable", ""}) {
        std::error_code ignored;
        fs::remove(base / (cgroup_root_ + level), ignored);
      }
    }
  }

  void start_agent() {
    plugin::PluginHostOptions host;
    host.clock = &clock_;
    host.timers = &timers_;
    host.log = [](std::string_view, int32_t, std::string_view) {};
    plugins_ = std::make_unique<plugin::PluginHost>(std::move(host));
    NodeOptions options;
    options.client = client_.get();
    options.plugins = plugins_.get();
    options.node_name = "n1";
    options.node_address = "192.0.2.1";
    options.data_dir = fs::path(folder_) / "node";
    options.cgroup_root = cgroup_root_;
    options.version = "v1.36.0";
    options.cluster_cidrs = cluster_cidrs();
    options.record_event = [this](std::string_view, std::string_view, std::string_view reason,
                                  std::string_view message) {
      const std::lock_guard lock(events_mutex_);
      events_.push_back(std::string(reason) + ": " + std::string(message));
    };
    options.log = [this](int32_t, std::string_view text) {
      const std::lock_guard lock(events_mutex_);
      log_ += std::string(text) + "\n";
    };
    fs::create_directories(options.data_dir);
    agent_ = make_agent(std::move(options), {&clock_, &timers_}, runtime_.client(), {network_.client(), overlay()});
    agent_->start();
    ASSERT_TRUE(until([this] { return client_->call(client::get_request(kNodeRef, "", "n1")).ok(); }));
    give_range();
    ASSERT_TRUE(until([this] { return agent_->ready(); }));
  }
  void stop_agent() {
    if (agent_) agent_->stop();
    agent_.reset();
    plugins_.reset();
  }
  void give_range() {
    auto node = client::parse_object<corev1::Node>(client_->call(client::get_request(kNodeRef, "", "n1")));
    ASSERT_TRUE(node.ok());
    if (!node->spec().pod_cidr().empty()) return;
    const auto patched = client_->call(
        client::patch_request(kNodeRef, "", "n1", R"({"spec":{"podCIDR":"10.42.0.0/24","podCIDRs":["10.42.0.0/24"]}})",
                              client::ApiRequest::MERGE_PATCH));
    ASSERT_TRUE(patched.ok()) << patched.error().message();
  }

  static bool until(const std::function<bool()>& so, std::chrono::seconds patience = std::chrono::seconds(60)) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  corev1::Pod create(corev1::Pod pod) {
    pod.mutable_spec()->set_node_name("n1");
    pod.mutable_metadata()->clear_uid();
    auto made = client::parse_object<corev1::Pod>(
        client_->call(client::create_request(kPodRef, "default", pod.SerializeAsString())));
    EXPECT_TRUE(made.ok()) << made.error().message();
    return made ? *made : corev1::Pod();
  }
  std::optional<corev1::Pod> get(const std::string& name) {
    auto pod = client::parse_object<corev1::Pod>(client_->call(client::get_request(kPodRef, "default", name)));
    if (!pod) return {};
    return *pod;
  }
  void remove(const std::string& name, int64_t grace) {
    auto request = client::delete_request(kPodRef, "default", name);
    metav1::DeleteOptions how;
    how.set_grace_period_seconds(grace);
    request.set_body(how.SerializeAsString());
    const auto answer = client_->call(std::move(request));
    EXPECT_TRUE(answer.ok()) << answer.error().message();
  }
  // An empty one while there is none.
  corev1::ContainerStatus container_status(const std::string& name, int index = 0) {
    const auto pod = get(name);
    return pod && index < pod->status().container_statuses_size() ? pod->status().container_statuses(index)
                                                                  : corev1::ContainerStatus();
  }
  bool wait_phase(const std::string& name, const std::string& phase) {
    return until([&] {
      const auto pod = get(name);
      return pod && pod->status().phase() == phase;
    });
  }
  bool wait_reason(const std::string& name, const std::string& reason) {
    return until([&] { return container_status(name).state().waiting().reason() == reason; });
  }
  std::string running_id() {
    std::string id;
    until([&] {
      for (const auto& status : runtime_.containers()) {
        if (status.state() == cri::CONTAINER_RUNNING) id = status.id();
      }
      return !id.empty();
    });
    return id;
  }
  bool nothing_left() {
    return until([&] {
      return runtime_.sandboxes().empty() && runtime_.containers().empty() && network_.attached().empty() &&
             Cgroups::of_host(cgroup_root_).known().empty() && empty_dir("pods") && empty_dir("logs");
    });
  }
  bool empty_dir(const char* name) const {
    const auto path = fs::path(folder_) / "node" / name;
    std::error_code error;
    return !fs::exists(path) || fs::is_empty(path, error);
  }
  bool has_event(const std::string& text) {
    const std::lock_guard lock(events_mutex_);
    return std::find(events_.begin(), events_.end(), text) != events_.end();
  }
  std::string log() {
    const std::lock_guard lock(events_mutex_);
    std::string out = log_;
    for (const auto& event : events_) out += "event " + event + "\n";
    return out;
  }

  plugin::SystemClock clock_;
  plugin::Timers timers_{clock_};
  testing::FakeRuntime runtime_;
  testing::FakeNetwork network_;
  const std::string cgroup_root_ = "gantry-agent-test-" + std::to_string(::getpid());
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<plugin::PluginHost> plugins_;
  std::unique_ptr<NodeAgent> agent_;
  std::mutex events_mutex_;
  std::vector<std::string> events_;
  std::string log_;
};

}  // namespace gantry::node
