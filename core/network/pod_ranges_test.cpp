#include "core/network/pod_ranges.hpp"

#include <gtest/gtest.h>

#include "k8s.io/api/core/v1/node.pb.h"

namespace gantry::network {
namespace {

TEST(Cidr, ParsesPrintsAndCompares) {
  EXPECT_EQ(Cidr::parse("10.42.7.9/16")->text(), "10.42.0.0/16");
  for (const char* bad : {"", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/8x", "x/8", "fd00::/8"}) {
    EXPECT_FALSE(Cidr::parse(bad).ok()) << bad;
  }
  EXPECT_TRUE(Cidr::parse("10.0.0.0/8")->overlaps(*Cidr::parse("10.42.0.0/16")));
  EXPECT_FALSE(Cidr::parse("10.42.0.0/24")->overlaps(*Cidr::parse("10.42.1.0/24")));
}

TEST(RangePool, GivesTheLowestFreeRangeUntilNoneIsLeft) {
  RangePool pool(*Cidr::parse("10.42.0.0/22"), 24);
  EXPECT_EQ(pool.next()->text(), "10.42.0.0/24");
  for (const char* taken : {"10.42.0.0/24", "10.42.1.0/24", "10.42.3.0/24"}) pool.take(*Cidr::parse(taken));
  EXPECT_EQ(pool.next()->text(), "10.42.2.0/24");
  pool.take(*Cidr::parse("10.42.2.0/24"));
  EXPECT_FALSE(pool.next().ok());
  pool.give_back(*Cidr::parse("10.42.1.0/24"));
  EXPECT_EQ(pool.next()->text(), "10.42.1.0/24");
}

class PlayedClient : public client::Client {
 public:
  using Client::call;
  void call(client::ApiRequest request, client::Done done) override {
    patches.push_back(request.name() + " " + request.body());
    done(client::ApiResponse());
  }
  std::unique_ptr<client::Watch> watch(client::WatchRequest, client::WatchHandler handler) override {
    handler_ = std::move(handler);
    return std::make_unique<client::Watch>();
  }
  void list(client::WatchRequest, std::function<void(Expected<List>)> done) override { done(first); }
  void send(client::WatchEvent::Type type, client::Object object) { handler_.event({type, std::move(object)}); }
  List first;
  std::vector<std::string> patches;

 private:
  client::WatchHandler handler_;
};

client::Object node(const std::string& name, const std::string& range = {}) {
  k8s::io::api::core::v1::Node message;
  message.mutable_metadata()->set_name(name);
  if (!range.empty()) message.mutable_spec()->set_pod_cidr(range);
  return http::make_chunk(message.SerializeAsString());
}

TEST(PodRanges, GivesEachNodeARangeThatNobodyHas) {
  PlayedClient client;
  client.first = {{node("new"), node("old", "10.42.0.0/24")}, "1"};
  const PodRanges ranges(
      client, *Cidr::parse("10.42.0.0/16"), [](int64_t, std::function<void()>) {}, [](int32_t, std::string_view) {});
  ASSERT_EQ(client.patches.size(), 1u);
  EXPECT_EQ(client.patches[0], R"(new {"spec":{"podCIDR":"10.42.1.0/24","podCIDRs":["10.42.1.0/24"]}})");
  using Type = client::WatchEvent::Type;
  client.send(Type::kModified, node("new"));  // an event from before the patch
  EXPECT_EQ(client.patches.size(), 1u);
  client.send(Type::kModified, node("new", "10.42.1.0/24"));
  client.send(Type::kDeleted, node("old", "10.42.0.0/24"));
  client.send(Type::kAdded, node("third"));
  ASSERT_EQ(client.patches.size(), 2u);
  EXPECT_NE(client.patches[1].find("third {\"spec\":{\"podCIDR\":\"10.42.0.0/24\""), std::string::npos);
}

TEST(FreeClusterRange, IsASixteen) { EXPECT_EQ(free_cluster_range().prefix, 16); }

}  // namespace
}  // namespace gantry::network
