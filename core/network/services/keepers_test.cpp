// IPAddresses follow the Services, and ServiceCIDRs go when nobody needs them: what the keepers ask of an API that is
// played.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <map>

#include "core/network/played_client.hpp"
#include "core/network/services/address_keeper.hpp"
#include "core/network/services/range_keeper.hpp"
#include "k8s.io/api/core/v1/service.pb.h"
#include "k8s.io/api/networking/v1/ip_address.pb.h"
#include "k8s.io/api/networking/v1/service_cidr.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/options.pb.h"

namespace gantry::network {
namespace {

namespace net = k8s::io::api::networking::v1;
using Lines = std::vector<std::string>;
using Type = client::WatchEvent::Type;

class TwoLists : public PlayedClient {
 public:
  using client::Client::call;
  void call(client::ApiRequest request, client::Done done) override {
    said.push_back(spelled(request));
    if (holds) return held.push_back(std::move(done));
    refusal.ok() ? done(client::ApiResponse()) : done(refusal);
  }
  std::unique_ptr<client::Watch> watch(client::WatchRequest what, client::WatchHandler handler) override {
    handlers_[what.resource] = std::move(handler);
    return std::make_unique<client::Watch>();
  }
  void list(client::WatchRequest what, std::function<void(Expected<List>)> done) override {
    done(lists[what.resource]);
  }
  void tell(const std::string& resource, Type type, client::Object object) {
    handlers_.at(resource).event({type, std::move(object)});
  }
  Lines take() { return std::exchange(said, {}); }

  std::map<std::string, List> lists;
  Lines said;
  bool holds = false;
  std::vector<client::Done> held;

 private:
  static std::string spelled(const client::ApiRequest& request) {
    if (request.verb() == client::ApiRequest::PATCH) {
      return request.name() + (request.subresource().empty() ? " " : "/status ") + request.body();
    }
    if (request.verb() == client::ApiRequest::DELETE) {
      k8s::io::apimachinery::pkg::apis::meta::v1::DeleteOptions options;
      options.ParseFromString(request.body());
      return "DELETE " + request.name() + " " + options.preconditions().uid();
    }
    net::IPAddress made;
    made.ParseFromString(request.body());
    const auto& parent = made.spec().parent_ref();
    return "CREATE " + made.metadata().name() + " " + made.metadata().labels().at("ipaddress.kubernetes.io/ip-family") +
           " " + made.metadata().labels().at("ipaddress.kubernetes.io/managed-by") + " " + parent.group() +
           parent.resource() + "/" + parent.namespace_() + "/" + parent.name();
  }
  std::map<std::string, client::WatchHandler> handlers_;
};

client::Object service(const std::string& name, const Lines& addresses) {
  k8s::io::api::core::v1::Service out;
  out.mutable_metadata()->set_namespace_("default");
  out.mutable_metadata()->set_name(name);
  for (const auto& address : addresses) out.mutable_spec()->add_cluster_ips(address);
  return http::make_chunk(out.SerializeAsString());
}

client::Object address(const std::string& name, const std::string& owner, const std::string& uid, bool managed = true) {
  net::IPAddress out;
  out.mutable_metadata()->set_name(name);
  out.mutable_metadata()->set_uid(uid);
  auto& labels = *out.mutable_metadata()->mutable_labels();
  labels["ipaddress.kubernetes.io/ip-family"] = name.find(':') == std::string::npos ? "IPv4" : "IPv6";
  if (managed) labels["ipaddress.kubernetes.io/managed-by"] = "ipallocator.k8s.io";
  auto& parent = *out.mutable_spec()->mutable_parent_ref();
  parent.set_resource("services");
  parent.set_namespace_("default");
  parent.set_name(owner);
  return http::make_chunk(out.SerializeAsString());
}

struct Addresses : testing::Test {
  void start() {
    AddressKeeperOptions options;
    options.client = &api;
    options.schedule = api.scheduler();
    options.log = [this](int32_t, std::string_view text) { logged.emplace_back(text); };
    keeper = std::make_unique<AddressKeeper>(std::move(options));
  }
  static std::string created(const std::string& name, const std::string& owner) {
    return "CREATE " + name + (name.find(':') == std::string::npos ? " IPv4" : " IPv6") +
           " ipallocator.k8s.io services/default/" + owner;
  }
  TwoLists api;
  Lines logged;
  std::unique_ptr<AddressKeeper> keeper;
};

TEST_F(Addresses, AtTheStartWhatIsMissingIsMadeAndWhatIsLeftOverGoes) {
  api.lists["services"].objects = {service("web", {"10.96.0.5", "fd00::5"}), service("headless", {"None"}),
                                   service("kept", {"10.96.0.6"}), service("other", {"10.96.0.8"})};
  api.lists["ipaddresses"].objects = {address("10.96.0.6", "kept", "u6"), address("10.96.0.7", "mine", "u7", false),
                                      address("10.96.0.8", "gone", "u8"), address("10.96.0.9", "gone", "u9")};
  start();
  EXPECT_EQ(api.take(), (Lines{created("10.96.0.5", "web"), "DELETE 10.96.0.8 u8", "DELETE 10.96.0.9 u9",
                               created("fd00::5", "web")}));
  // Of what was asked for the watch tells.
  api.tell("ipaddresses", Type::kAdded, address("10.96.0.5", "web", "u5"));
  api.tell("ipaddresses", Type::kDeleted, address("10.96.0.9", "gone", "u9"));
  EXPECT_EQ(api.take(), Lines());
  api.tell("ipaddresses", Type::kDeleted, address("10.96.0.8", "gone", "u8"));
  EXPECT_EQ(api.take(), Lines{created("10.96.0.8", "other")});
}

TEST_F(Addresses, FollowTheServices) {
  start();
  EXPECT_EQ(api.take(), Lines());
  api.tell("services", Type::kAdded, service("web", {"10.96.0.5"}));
  EXPECT_EQ(api.take(), Lines{created("10.96.0.5", "web")});
  api.tell("ipaddresses", Type::kAdded, address("10.96.0.5", "web", "u1"));
  api.tell("services", Type::kModified, service("web", {"10.96.0.5", "fd00::5"}));
  EXPECT_EQ(api.take(), Lines{created("fd00::5", "web")});
  api.tell("ipaddresses", Type::kAdded, address("fd00::5", "web", "u2"));
  api.tell("services", Type::kModified, service("web", {"10.96.0.5"}));
  EXPECT_EQ(api.take(), Lines{"DELETE fd00::5 u2"});
  api.tell("services", Type::kDeleted, service("web", {"10.96.0.5"}));
  EXPECT_EQ(api.take(), Lines{"DELETE 10.96.0.5 u1"});
  // The next one has the address before word of the old object's end comes.
  api.tell("services", Type::kAdded, service("new", {"10.96.0.5"}));
  api.take();
  api.tell("ipaddresses", Type::kDeleted, address("10.96.0.5", "web", "u1"));
  EXPECT_EQ(api.take(), Lines{created("10.96.0.5", "new")});
}

TEST_F(Addresses, WhatSomebodyChangesIsPutRight) {
  api.lists["services"].objects = {service("web", {"10.96.0.5"}), service("twin", {"10.96.0.5"})};
  api.lists["ipaddresses"].objects = {address("10.96.0.5", "web", "u1")};
  start();
  EXPECT_EQ(api.take(), Lines()) << "one of two that have it";
  api.tell("ipaddresses", Type::kDeleted, address("10.96.0.5", "web", "u1"));
  EXPECT_EQ(api.take(), Lines{created("10.96.0.5", "twin")});
  api.tell("ipaddresses", Type::kAdded, address("10.96.0.5", "twin", "u2"));
  api.tell("ipaddresses", Type::kModified, address("10.96.0.5", "twin", "u2", false));
  EXPECT_EQ(api.take(), Lines{"DELETE 10.96.0.5 u2"});
  api.tell("ipaddresses", Type::kDeleted, address("10.96.0.5", "twin", "u2"));
  EXPECT_EQ(api.take(), Lines{created("10.96.0.5", "twin")});
  // Made as if it were ours: nobody has it.
  api.tell("ipaddresses", Type::kAdded, address("10.96.0.66", "web", "u3"));
  EXPECT_EQ(api.take(), Lines{"DELETE 10.96.0.66 u3"});
}

TEST_F(Addresses, AreAskedForAFewAtATimeAndAgainWhenThatFails) {
  for (int i = 0; i < 40; ++i) {
    const auto n = std::to_string(i);
    api.lists["services"].objects.push_back(service("s" + n, {"10.96.0." + n}));
  }
  api.holds = true;
  start();
  EXPECT_EQ(api.said.size(), 16u);
  api.holds = false;
  for (auto& done : std::exchange(api.held, {})) done(client::ApiResponse());
  EXPECT_EQ(api.take().size(), 40u);

  api.refusal = Status::internal("the disk is full");
  api.tell("services", Type::kAdded, service("late", {"10.96.1.1"}));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(api.take(), Lines{created("10.96.1.1", "late")});
    EXPECT_EQ(api.waiting(), std::vector<int64_t>{200 << i});
    api.fire();
  }
  ASSERT_EQ(logged.size(), 1u);
  EXPECT_EQ(logged[0], "IPAddress 10.96.1.1 can't be written: the disk is full; it is tried again");
  api.take();
  api.tell("ipaddresses", Type::kAdded, address("10.96.1.1", "late", "u1"));
  api.fire();
  EXPECT_EQ(api.take(), Lines()) << "it is there";
}

constexpr char kReady[] = "Kubernetes Service CIDR is ready";
constexpr char kStillHeld[] =
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";

// A ServiceCIDR; `deleted` are the seconds when, 0: not.
struct Range {
  std::string name;
  Lines ranges;
  bool finalizer = true;
  std::string ready = "True", reason = {};
  int64_t deleted = 0;
  operator client::Object() const {
    net::ServiceCIDR out;
    out.mutable_metadata()->set_name(name);
    if (finalizer) out.mutable_metadata()->add_finalizers("networking.k8s.io/service-cidr-finalizer");
    if (deleted != 0) out.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(deleted);
    for (const auto& range : ranges) out.mutable_spec()->add_cidrs(range);
    if (!ready.empty()) {
      auto& condition = *out.mutable_status()->add_conditions();
      condition.set_type("Ready");
      condition.set_status(ready);
      condition.set_reason(reason);
      condition.set_message(ready == "True" ? kReady : kStillHeld);
    }
    return http::make_chunk(out.SerializeAsString());
  }
};

struct PlayedRanges {
  void start() {
    RangeKeeperOptions options;
    options.client = &api;
    options.now_unix_ns = [this] { return now_s * 1'000'000'000; };
    options.ranges = *ServiceRanges::parse(configured, "30000-30099");
    options.schedule = api.scheduler();
    options.log = [](int32_t, std::string_view) {};
    keeper = std::make_unique<RangeKeeper>(std::move(options));
  }
  TwoLists api;
  Lines configured = {"10.96.0.0/16", "fd01::/112"};
  int64_t now_s = 100;
  std::unique_ptr<RangeKeeper> keeper;
};
struct Ranges : testing::Test, PlayedRanges {};

constexpr char kHeld[] =
    R"( {"status":{"conditions":[{"type":"Ready","status":"False","reason":"Terminating","message":)"
    R"("There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",)"
    R"("lastTransitionTime":"1970-01-01T00:01:40Z"}]}})";
constexpr char kRelease[] =
    R"( {"metadata":{"$deleteFromPrimitiveList/finalizers":["networking.k8s.io/service-cidr-finalizer"]}})";

TEST_F(Ranges, AreReadyOnceTheyAreProtected) {
  api.lists["servicecidrs"].objects = {Range{"new", {"10.0.0.0/24"}, false, ""}};
  start();
  EXPECT_EQ(api.take(), Lines{R"(new {"metadata":{"finalizers":["networking.k8s.io/service-cidr-finalizer"]}})"});
  api.tell("servicecidrs", Type::kModified, Range{"new", {"10.0.0.0/24"}, true, ""});
  EXPECT_EQ(api.take(),
            Lines{R"(new/status {"status":{"conditions":[{"type":"Ready","status":"True","reason":"","message":)"
                  R"("Kubernetes Service CIDR is ready","lastTransitionTime":"1970-01-01T00:01:40Z"}]}})"});
  api.tell("servicecidrs", Type::kModified, Range{"new", {"10.0.0.0/24"}});
  EXPECT_EQ(api.take(), Lines());
}

TEST_F(Ranges, GoWhenNoServiceHasAnAddressOfThem) {
  api.lists["servicecidrs"].objects = {Range{"other", {"10.0.1.0/24"}},
                                       Range{"gone", {"10.0.0.0/24", "fd00::/120"}, true, "True", "", 95}};
  api.lists["ipaddresses"].objects = {address("10.0.0.7", "web", "u"), address("10.0.1.7", "web", "v")};
  start();
  EXPECT_EQ(api.take(), Lines{std::string("gone/status") + kHeld});
  api.tell("servicecidrs", Type::kModified,
           Range{"gone", {"10.0.0.0/24", "fd00::/120"}, true, "False", "Terminating", 95});
  api.tell("ipaddresses", Type::kAdded, address("fd00::9", "web", "w"));
  api.tell("ipaddresses", Type::kDeleted, address("10.0.0.7", "web", "u"));
  EXPECT_EQ(api.take(), Lines());
  // The last one: the rest of ten seconds is waited for, by one timer.
  api.tell("ipaddresses", Type::kDeleted, address("fd00::9", "web", "w"));
  api.tell("ipaddresses", Type::kDeleted, address("fd00::9", "web", "w"));
  EXPECT_EQ(api.take(), Lines());
  EXPECT_EQ(api.waiting(), std::vector<int64_t>{5001});
  now_s = 106;
  api.fire();
  EXPECT_EQ(api.take(), Lines{std::string("gone") + kRelease});
}

TEST_F(Ranges, GoWhenOthersHaveTheirAddresses) {
  api.lists["servicecidrs"].objects = {Range{"gone", {"10.0.0.0/24"}, true, "True", "", 50}};
  api.lists["ipaddresses"].objects = {address("10.0.0.127", "web", "u"), address("10.0.0.129", "web", "v")};
  start();
  EXPECT_EQ(api.take(), Lines{std::string("gone/status") + kHeld});
  // Half of them; the last address of that half is none that it gives.
  api.tell("servicecidrs", Type::kModified, Range{"gone", {"10.0.0.0/24"}, true, "False", "Terminating", 50});
  api.tell("servicecidrs", Type::kAdded, Range{"half", {"10.0.0.128/25"}});
  api.tell("servicecidrs", Type::kAdded, Range{"rest", {"10.0.0.0/25"}});
  EXPECT_EQ(api.take(), Lines());
  api.tell("ipaddresses", Type::kDeleted, address("10.0.0.127", "web", "u"));
  EXPECT_EQ(api.take(), Lines{std::string("gone") + kRelease});
  // A wider one has all of them.
  api.tell("servicecidrs", Type::kModified, Range{"rest", {"10.0.0.0/25"}, true, "True", "", 50});
  api.tell("servicecidrs", Type::kModified, Range{"half", {"10.0.0.128/25"}, true, "False", "Terminating", 50});
  api.take();
  api.tell("servicecidrs", Type::kAdded, Range{"wide", {"10.0.0.0/16"}});
  const auto freed = api.take();
  EXPECT_NE(std::ranges::find(freed, std::string("half") + kRelease), freed.end());
  // One that goes itself does not count.
  api.tell("ipaddresses", Type::kAdded, address("10.0.2.1", "web", "x"));
  api.tell("servicecidrs", Type::kModified, Range{"wide", {"10.0.0.0/16"}, true, "True", "", 50});
  api.tell("servicecidrs", Type::kAdded, Range{"same", {"10.0.0.0/16"}, true, "False", "Terminating", 50});
  EXPECT_EQ(api.take().back(), std::string("wide/status") + kHeld);
}

TEST_F(Ranges, SayWhyServicesGetNothingFromThem) {
  configured = {"10.96.0.0/16"};
  const auto says = [](const std::string& name, const std::string& status, const std::string& reason,
                       const std::string& message) {
    return name + R"(/status {"status":{"conditions":[{"type":"Ready","status":")" + status + R"(","reason":")" +
           reason + R"(","message":")" + message + R"(","lastTransitionTime":"1970-01-01T00:01:40Z"}]}})";
  };
  const std::string no6 = "no Service gets an address from fd00::/120: the cluster is not configured for IPv6";
  api.lists["servicecidrs"].objects = {Range{"both", {"10.0.0.0/24", "fd00::/120"}}, Range{"six", {"fd00::/120"}}};
  for (int i = 1; i < 64; ++i) {
    api.lists["servicecidrs"].objects.push_back(
        Range{"r" + std::to_string(i), {"10.0." + std::to_string(i) + ".0/24"}});
  }
  start();
  EXPECT_EQ(api.take(), (Lines{says("both", "True", "", std::string(kReady) + "; " + no6),
                               says("six", "False", "FamilyNotConfigured", no6)}));
  api.tell("servicecidrs", Type::kAdded, Range{"late", {"10.0.64.0/24"}, true, ""});
  const std::string none = "no Service gets an address from 10.0.64.0/24: there are 64 others";
  auto said = api.take();
  EXPECT_NE(std::ranges::find(said, says("late", "False", "TooManyRanges", none)), said.end());
  // Another one leaves.
  api.tell("servicecidrs", Type::kModified, Range{"r7", {"10.0.7.0/24"}, true, "True", "", 99});
  said = api.take();
  EXPECT_NE(std::ranges::find(said, says("late", "True", "", kReady)), said.end());
}

// A cluster with many addresses, one of whose ranges leaves: each Service that comes or goes costs a look at its
// address.
TEST(RangesAtScale, WhatChangesIsLookedAt) {
  PlayedRanges many;
  constexpr int kAddresses = 30'000, kChanges = 3'000;
  auto& ranges = many.api.lists["servicecidrs"].objects;
  ranges.push_back(Range{"gone", {"10.0.0.0/16"}, true, "True", "", 95});
  for (int i = 0; i < 64; ++i)
    ranges.push_back(Range{"r" + std::to_string(i), {"10.0." + std::to_string(4 * i) + ".0/22"}});
  const auto name = [](int i) { return "10.0." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250); };
  for (int i = 0; i < kAddresses; ++i) many.api.lists["ipaddresses"].objects.push_back(address(name(i), "web", "u"));
  many.start();
  const std::clock_t before = std::clock();
  for (int i = 0; i < kChanges; ++i) {
    many.api.tell("ipaddresses", i % 2 == 0 ? Type::kDeleted : Type::kAdded, address(name(i / 2), "web", "u"));
  }
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 3.0);
  many.now_s = 106;
  many.api.fire();
  EXPECT_EQ(many.api.take(), Lines{std::string("gone") + kRelease});
}

}  // namespace
}  // namespace gantry::network
