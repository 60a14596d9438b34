// The control plane by itself, with all its parts and no plugin: made and ended again on one folder, and ended while
// clients wait for it.
#include "core/daemon/control_plane.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <future>
#include <thread>

#include "core/client/client.hpp"
#include "gantry/host.hpp"
#include "k8s.io/api/core/v1/config.pb.h"
#include "k8s.io/api/core/v1/endpoints.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/service.pb.h"
#include "k8s.io/api/discovery/v1/endpoint_slice.pb.h"
#include "k8s.io/api/networking/v1/ip_address.pb.h"
#include "k8s.io/api/networking/v1/service_cidr.pb.h"

namespace gantry::daemon {
namespace {

namespace fs = std::filesystem;
namespace discoveryv1 = k8s::io::api::discovery::v1;
namespace networkingv1 = k8s::io::api::networking::v1;
using std::chrono::seconds;

// Holds every creation of a ConfigMap until the test lets it go on.
class HoldingStep : public admission::Step {
 public:
  std::string_view name() const override { return "Holding"; }
  bool handles(const admission::WriteRequest& request) const override { return request.name == "held"; }
  admission::Answer mutate(admission::WriteRequest&, admission::Pause& pause) const override {
    const std::lock_guard lock(mutex_);
    held_ = pause.later();
    changed_.notify_all();
    return admission::kLater;
  }
  // Null: none came in time.
  admission::Resume take() const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, seconds(20), [this] { return held_ != nullptr; });
    return std::exchange(held_, nullptr);
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable admission::Resume held_;
};

class ControlPlaneTest : public testing::Test {
 protected:
  ControlPlaneTest() {
    std::string name = (fs::temp_directory_path() / "gantry-plane-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~ControlPlaneTest() override {
    end();
    timers_.stop();
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }

  std::vector<std::string> service_cidrs_{"10.43.0.0/24"};
  std::mutex log_mutex_;
  std::string log_;

  ControlPlaneOptions options() {
    ControlPlaneOptions given;
    given.store.path = folder_ / "store.db";
    given.api.admission.push_back(holding_);
    given.clock = &clock_;
    given.timers = &timers_;
    given.blocking = &blocking_;
    given.log = [this](std::string_view, int32_t, std::string_view text) {
      const std::lock_guard lock(log_mutex_);
      log_.append(text).append("\n");
    };
    given.services = *network::ServiceRanges::parse(service_cidrs_, "30000-30100");
    return given;
  }
  void attach_plugins() {
    plugin::PluginHostOptions host;
    host.clock = &clock_;
    host.timers = &timers_;
    host.tasks = &tasks_;
    host.run_dir = folder_ / "run";
    host.data_dir = folder_;
    plugins_ = std::make_unique<plugin::PluginHost>(std::move(host));
    plane_->attach(*plugins_);
  }
  Status start() {
    auto opened = ControlPlane::open(options());
    if (!opened) return std::move(opened).error();
    plane_ = std::move(*opened);
    if (auto serves = plane_->serve(); !serves.ok()) return serves;
    attach_plugins();
    NodeRanges ranges;
    ranges.cluster.push_back(*network::Cidr::parse("10.42.0.0/16"));
    plane_->start(std::move(ranges));
    client_ = plane_->make_client({"admin", {"system:masters", "system:authenticated"}, {}});
    return {};
  }
  void end() {
    if (!plane_) return;
    plugins_->begin_stop();
    plane_->stop_clients();
    plane_->stop();
    plugins_->shutdown();
    client_.reset();
    plane_.reset();
    plugins_.reset();
  }

  template <typename M>
  Expected<M> create(const M& object, const std::string& ns) {
    auto request = sdk::Host::request_for<M>(client::ApiRequest::CREATE, ns, "");
    request.set_body(object.SerializeAsString());
    return client::parse_object<M>(client_->call(request));
  }
  template <typename M>
  Expected<M> get(const std::string& name, const std::string& ns) {
    return client::parse_object<M>(client_->call(sdk::Host::request_for<M>(client::ApiRequest::GET, ns, name)));
  }
  static corev1::ConfigMap config_map(const std::string& name) {
    corev1::ConfigMap map;
    map.mutable_metadata()->set_name(name);
    return map;
  }
  template <typename Check>
  static bool eventually(const Check& check) {
    for (int i = 0; i < 2'000 && !check(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return check();
  }

  fs::path folder_;
  plugin::SystemClock clock_;
  plugin::Timers timers_{clock_};
  plugin::WorkerPool tasks_{"tasks", 2}, blocking_{"blocking", 2};
  std::shared_ptr<HoldingStep> holding_ = std::make_shared<HoldingStep>();
  std::unique_ptr<plugin::PluginHost> plugins_;
  std::unique_ptr<ControlPlane> plane_;
  std::unique_ptr<client::Client> client_;
};

TEST_F(ControlPlaneTest, IsMadeAndEndedTwiceOnOneFolder) {
  ASSERT_TRUE(start().ok());
  EXPECT_TRUE(eventually([this] { return plane_->ready(); }));
  const auto map = create(config_map("kept"), "default");
  ASSERT_TRUE(map) << map.error().message();
  corev1::Node node;
  node.mutable_metadata()->set_name("one");
  ASSERT_TRUE(create(node, ""));
  std::string range;
  EXPECT_TRUE(eventually([&] {
    if (const auto now = get<corev1::Node>("one", "")) range = now->spec().pod_cidr();
    return !range.empty();
  }));
  EXPECT_TRUE(range.starts_with("10.42.") && range.ends_with(".0/24")) << range;
  // The folder is one control plane's.
  const auto second = ControlPlane::open(options());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find(std::to_string(::getpid())), std::string::npos) << second.error().message();
  end();

  ASSERT_TRUE(start().ok());
  EXPECT_TRUE(eventually([this] { return plane_->ready(); }));
  const auto again = get<corev1::ConfigMap>("kept", "default");
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->SerializeAsString(), map->SerializeAsString());
  node.mutable_metadata()->set_name("two");
  ASSERT_TRUE(create(node, ""));
  // Each part works again, and knows what the first one did.
  EXPECT_TRUE(eventually([&] {
    const auto now = get<corev1::Node>("two", "");
    return now && !now->spec().pod_cidr().empty() && now->spec().pod_cidr() != range;
  }));
  EXPECT_EQ(get<corev1::Node>("one", "")->spec().pod_cidr(), range);
}

TEST_F(ControlPlaneTest, LeadsToTheServerByAServiceThatIsWrittenAgain) {
  ASSERT_TRUE(start().ok());
  plane_->advertise(*network::Address::parse("192.0.2.1"), 6443);
  const auto leads = [this] {
    const auto service = get<corev1::Service>("kubernetes", "default");
    const auto endpoints = get<corev1::Endpoints>("kubernetes", "default");
    return service && service->spec().cluster_ip() == "10.43.0.1" && service->spec().ports(0).port() == 443 &&
           service->spec().ports(0).target_port().int_val() == 6443 && endpoints && endpoints->subsets_size() == 1 &&
           endpoints->subsets(0).addresses(0).ip() == "192.0.2.1" && endpoints->subsets(0).ports(0).port() == 6443 &&
           get<discoveryv1::EndpointSlice>("kubernetes", "default") && get<networkingv1::ServiceCIDR>("kubernetes", "");
  };
  ASSERT_TRUE(eventually(leads));
  const auto first = get<corev1::Service>("kubernetes", "default")->metadata().uid();
  ASSERT_TRUE(client_->call(client::delete_request({"", "v1", "services"}, "default", "kubernetes")));
  EXPECT_TRUE(
      eventually([&] { return leads() && get<corev1::Service>("kubernetes", "default")->metadata().uid() != first; }));
  // What somebody changed is put right, and the rest is left.
  auto endpoints = *get<corev1::Endpoints>("kubernetes", "default");
  endpoints.mutable_subsets(0)->mutable_addresses(0)->set_ip("192.0.2.66");
  (*endpoints.mutable_metadata()->mutable_labels())["mine"] = "yes";
  ASSERT_TRUE(client_->call(
      client::update_request({"", "v1", "endpoints"}, "default", "kubernetes", endpoints.SerializeAsString())));
  EXPECT_TRUE(eventually(leads));
  EXPECT_EQ(get<corev1::Endpoints>("kubernetes", "default")->metadata().labels().at("mine"), "yes");
  end();

  // The second one finds what the first one wrote, and the server at another port.
  ASSERT_TRUE(start().ok());
  plane_->advertise(*network::Address::parse("192.0.2.1"), 7443);
  EXPECT_TRUE(eventually([this] {
    return get<corev1::Service>("kubernetes", "default")->spec().ports(0).target_port().int_val() == 7443 &&
           get<corev1::Endpoints>("kubernetes", "default")->subsets(0).ports(0).port() == 7443;
  }));
}

TEST_F(ControlPlaneTest, ItsServiceCIDRFollowsTheConfigurationWhereItCan) {
  const auto shown = [this] {
    const auto object = get<networkingv1::ServiceCIDR>("kubernetes", "");
    if (!object) return std::vector<std::string>();
    return std::vector<std::string>(object->spec().cidrs().begin(), object->spec().cidrs().end());
  };
  const std::vector<std::string> two{"10.43.0.0/24", "fd00:43::/112"};
  for (const auto& configured : {std::vector<std::string>{"10.43.0.0/24"}, two}) {
    service_cidrs_ = configured;
    ASSERT_TRUE(start().ok());
    plane_->advertise(*network::Address::parse("192.0.2.1"), 6443);
    EXPECT_TRUE(eventually([&] { return shown() == configured; }));
    end();
  }
  EXPECT_EQ(log_.find("other ranges"), std::string::npos) << log_;
  service_cidrs_ = {"10.44.0.0/24"};
  ASSERT_TRUE(start().ok());
  plane_->advertise(*network::Address::parse("192.0.2.1"), 6443);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(log_mutex_);
    return log_.find("ServiceCIDR kubernetes has other ranges than network.service_cidr") != std::string::npos;
  }));
  EXPECT_EQ(shown(), two);
}

// A Service that asks for an address; none: for any.
corev1::Service service_at(const std::string& name, const std::string& address) {
  corev1::Service out;
  out.mutable_metadata()->set_name(name);
  out.mutable_spec()->set_cluster_ip(address);
  out.mutable_spec()->add_ports()->set_port(80);
  return out;
}

networkingv1::IPAddress address_of(const std::string& name, const std::string& owner) {
  networkingv1::IPAddress out;
  out.mutable_metadata()->set_name(name);
  auto& parent = *out.mutable_spec()->mutable_parent_ref();
  parent.set_resource("services");
  parent.set_namespace_("default");
  parent.set_name(owner);
  return out;
}

TEST_F(ControlPlaneTest, EachClusterIPIsAnObject) {
  ASSERT_TRUE(start().ok());
  plane_->advertise(*network::Address::parse("192.0.2.1"), 6443);
  const auto served = create(service_at("web", ""), "default");
  ASSERT_TRUE(served) << served.error().message();
  const auto ip = served->spec().cluster_ip();
  std::string uid;
  const auto there = [&](const std::string& owner) {
    const auto now = get<networkingv1::IPAddress>(ip, "");
    if (!now || now->metadata().uid() == uid || now->spec().parent_ref().name() != owner) return false;
    const auto& labels = now->metadata().labels();
    return labels.contains("ipaddress.kubernetes.io/managed-by") &&
           labels.at("ipaddress.kubernetes.io/managed-by") == "ipallocator.k8s.io" &&
           labels.contains("ipaddress.kubernetes.io/ip-family") &&
           labels.at("ipaddress.kubernetes.io/ip-family") == "IPv4";
  };
  ASSERT_TRUE(eventually([&] { return there("web"); }));
  EXPECT_TRUE(eventually([&] { return bool(get<networkingv1::IPAddress>("10.43.0.1", "")); }));
  // Who deletes it, or takes its label, has it back.
  uid = get<networkingv1::IPAddress>(ip, "")->metadata().uid();
  const client::ResourceRef kAddresses{"networking.k8s.io", "v1", "ipaddresses"};
  ASSERT_TRUE(client_->call(client::delete_request(kAddresses, "", ip)));
  EXPECT_TRUE(eventually([&] { return there("web"); }));
  auto object = *get<networkingv1::IPAddress>(ip, "");
  uid = object.metadata().uid();
  object.mutable_metadata()->mutable_labels()->clear();
  ASSERT_TRUE(client_->call(client::update_request(kAddresses, "", ip, object.SerializeAsString())));
  EXPECT_TRUE(eventually([&] { return there("web"); }));
  ASSERT_TRUE(client_->call(client::delete_request({"", "v1", "services"}, "default", "web")));
  EXPECT_TRUE(eventually([&] { return !get<networkingv1::IPAddress>(ip, ""); }));
}

TEST_F(ControlPlaneTest, AnAddressThatSomebodyKeepsIsGivenToNoService) {
  ASSERT_TRUE(start().ok());
  plane_->advertise(*network::Address::parse("192.0.2.1"), 6443);
  ASSERT_TRUE(create(address_of("10.43.0.77", "gateway"), ""));
  const auto refused = create(service_at("web", "10.43.0.77"), "default");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), 422);
  EXPECT_NE(refused.error().message().find("failed to allocate IP 10.43.0.77: provided IP is already allocated"),
            std::string::npos)
      << refused.error().message();
  ASSERT_TRUE(client_->call(client::delete_request({"networking.k8s.io", "v1", "ipaddresses"}, "", "10.43.0.77")));
  ASSERT_TRUE(create(service_at("web", "10.43.0.77"), "default"));
  const auto late = create(address_of("10.43.0.77", "gateway"), "");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), 409);
  EXPECT_EQ(late.error().message(), "ipaddresses.networking.k8s.io \"10.43.0.77\" already exists");
  // One that is out of the ranges is nobody's business, and a refused one reserves nothing.
  EXPECT_TRUE(create(address_of("192.0.2.200", "gateway"), ""));
  EXPECT_FALSE(create(address_of("10.43.0.78", ""), ""));
  EXPECT_TRUE(create(service_at("next", "10.43.0.78"), "default"));
  end();

  // Kept over a restart.
  ASSERT_TRUE(start().ok());
  ASSERT_TRUE(create(address_of("10.43.0.79", "gateway"), ""));
  end();
  ASSERT_TRUE(start().ok());
  EXPECT_FALSE(create(service_at("other", "10.43.0.79"), "default"));
}

TEST_F(ControlPlaneTest, WhatACrashLeftOfAddressesIsRepaired) {
  ASSERT_TRUE(start().ok());
  // Nobody follows the Services yet.
  auto left = address_of("10.43.0.50", "gone");
  (*left.mutable_metadata()->mutable_labels())["ipaddress.kubernetes.io/managed-by"] = "ipallocator.k8s.io";
  ASSERT_TRUE(create(left, ""));
  ASSERT_TRUE(create(service_at("web", "10.43.0.51"), "default"));
  ASSERT_TRUE(create(service_at("other", "10.43.0.50"), "default")) << "what is left over reserves nothing";
  plane_->advertise(*network::Address::parse("192.0.2.1"), 6443);
  const auto of = [this](const char* ip) {
    const auto now = get<networkingv1::IPAddress>(ip, "");
    return now ? now->spec().parent_ref().name() : std::string();
  };
  EXPECT_TRUE(eventually([&] { return of("10.43.0.51") == "web" && of("10.43.0.50") == "other"; }));
}

TEST_F(ControlPlaneTest, AServiceCIDRGivesMoreAddresses) {
  ASSERT_TRUE(start().ok());
  plane_->advertise(*network::Address::parse("192.0.2.1"), 6443);
  const auto asks = [this](const std::string& name) {
    const auto served = create(service_at(name, "10.99.0.3"), "default");
    return served ? std::string() : served.error().message();
  };
  const std::string out_of_range =
      "failed to allocate IP 10.99.0.3: the provided network does not match the current range";
  EXPECT_NE(asks("web").find(out_of_range), std::string::npos);
  networkingv1::ServiceCIDR more;
  more.mutable_metadata()->set_name("more");
  more.mutable_spec()->add_cidrs("10.99.0.0/29");
  ASSERT_TRUE(create(more, ""));
  const auto says = [this](const std::string& status, const std::string& reason) {
    const auto now = get<networkingv1::ServiceCIDR>("more", "");
    return now && now->metadata().finalizers_size() == 1 && now->status().conditions_size() == 1 &&
           now->status().conditions(0).status() == status && now->status().conditions(0).reason() == reason;
  };
  EXPECT_TRUE(eventually([&] { return says("True", ""); }));
  EXPECT_TRUE(eventually([&] { return asks("web").empty() || get<corev1::Service>("web", "default"); }));
  EXPECT_TRUE(eventually([&] { return bool(get<networkingv1::IPAddress>("10.99.0.3", "")); }));
  // It stays for as long as somebody has an address of it, and gives no other.
  ASSERT_TRUE(client_->call(client::delete_request({"networking.k8s.io", "v1", "servicecidrs"}, "", "more")));
  EXPECT_TRUE(eventually([&] { return says("False", "Terminating"); }));
  EXPECT_NE(asks("late").find(out_of_range), std::string::npos);
  ASSERT_TRUE(client_->call(client::delete_request({"", "v1", "services"}, "default", "web")));
  EXPECT_TRUE(eventually([&] { return !get<networkingv1::ServiceCIDR>("more", ""); }));
}

TEST_F(ControlPlaneTest, AnotherPluginHostTakesItsPlace) {
  ASSERT_TRUE(start().ok());
  ASSERT_TRUE(eventually([this] { return plane_->ready(); }));
  plugins_->begin_stop();
  plane_->stop_controllers();
  EXPECT_FALSE(plane_->ready());
  plugins_->shutdown();
  attach_plugins();
  plane_->start_controllers();
  EXPECT_TRUE(eventually([this] { return plane_->ready(); }));
  EXPECT_TRUE(create(config_map("after"), "default"));
}

TEST_F(ControlPlaneTest, ItsPartsStopWhileClientsWait) {
  ASSERT_TRUE(start().ok());
  ASSERT_TRUE(eventually([this] { return plane_->ready(); }));
  std::promise<Status> ended;
  client::WatchHandler handler;
  handler.event = [](const client::WatchEvent&) {};
  handler.ended = [&ended](const Status& why) { ended.set_value(why); };
  client::WatchRequest what;
  what.version = "v1";
  what.resource = "configmaps";
  const auto watch = client_->watch(std::move(what), std::move(handler));
  auto held = std::async(std::launch::async, [this] { return create(config_map("held"), "default"); });
  auto resume = holding_->take();
  ASSERT_NE(resume, nullptr);

  plugins_->begin_stop();
  plane_->stop_clients();
  EXPECT_FALSE(plane_->ready());
  auto over = ended.get_future();
  EXPECT_EQ(over.wait_for(seconds(0)), std::future_status::timeout);
  EXPECT_TRUE(create(config_map("last"), "default")) << "the node agent still has things to say";

  plane_->stop();
  ASSERT_EQ(over.wait_for(seconds(20)), std::future_status::ready) << "the watch goes on";
  const auto refused = create(config_map("late"), "default");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), 503) << refused.error().message();
  const auto unwritten = held.get();
  ASSERT_FALSE(unwritten);
  EXPECT_EQ(unwritten.error().code(), 503) << unwritten.error().message();
  EXPECT_FALSE(plane_->ready());
  // Nobody waits for it any more, and nothing of what it was about is there.
  end();
  resume(Status());
}

}  // namespace
}  // namespace gantry::daemon
