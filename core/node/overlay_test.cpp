// The agent between an overlay, a network and the API: adverts, further addresses, both families.
#include "core/node/agent_fixture.hpp"
#include "core/node/fake_overlay.hpp"

namespace gantry::node {
namespace {

class OverlayTest : public AgentTest {
 protected:
  OverlayTest() {
    abi::OverlayAdvert advert;
    (*advert.mutable_values())["backend-data"] = R"({"VtepMAC":"fa:16:3e:d5:28:07"})";
    advert.set_mtu(1450);
    overlay_.set_advert(advert);
    overlay_.fail_next(1);
  }
  std::optional<network::OverlayClient> overlay() override { return overlay_.client(); }
  std::vector<std::string> cluster_cidrs() override { return {"fd00:42::/48", "10.42.0.0/16"}; }

  std::string annotation(const std::string& node, const std::string& key) {
    const auto found = client::parse_object<corev1::Node>(client_->call(client::get_request(kNodeRef, "", node)));
    if (!found) return "?";
    const auto it = found->metadata().annotations().find(key);
    return it == found->metadata().annotations().end() ? "" : it->second;
  }
  void annotate(const std::string& node, const std::string& key, const std::string& json) {
    ASSERT_TRUE(client_
                    ->call(client::patch_request(kNodeRef, "", node,
                                                 R"({"metadata":{"annotations":{")" + key + "\":" + json + "}}}",
                                                 client::ApiRequest::MERGE_PATCH))
                    .ok());
  }
  testing::FakeOverlay overlay_;
};

TEST_F(OverlayTest, TheAdvertIsWrittenAndKeptOnTheNode) {
  EXPECT_EQ(overlay_.set_node_calls(), 2) << "the first one failed: no pod was attached before it was tried again";
  const std::string mine = "overlay.gantry.dev/backend-data", data = R"({"VtepMAC":"fa:16:3e:d5:28:07"})";
  EXPECT_TRUE(until([&] { return annotation("n1", mine) == data; }));
  EXPECT_EQ(overlay_.self().node().name(), "n1");
  EXPECT_EQ(overlay_.self().node().pod_cidrs(0), "10.42.0.0/24");
  EXPECT_EQ(overlay_.self().node().addresses(0), "192.0.2.1");
  EXPECT_EQ(overlay_.self().cluster_cidrs_size(), 2);
  EXPECT_EQ(network_.node().mtu(), 1450) << "what the overlay leaves of a packet";
  EXPECT_EQ(network_.node().cluster_cidr(), "10.42.0.0/16");
  EXPECT_TRUE(network_.others().empty());
  // Somebody takes it away, and leaves a note of his own, and one that looks like ours.
  annotate("n1", "note", "\"x\"");
  annotate("n1", "overlay.gantry.dev/vni", "\"7\"");
  annotate("n1", mine, "null");
  EXPECT_TRUE(until([&] { return annotation("n1", mine) == data; }));
  EXPECT_TRUE(until([&] { return annotation("n1", "overlay.gantry.dev/vni").empty(); }));
  EXPECT_EQ(annotation("n1", "note"), "x");
}

TEST_F(OverlayTest, OtherNodesWithAllTheirAddressesAndAdverts) {
  corev1::Node other;
  other.mutable_metadata()->set_name("n2");
  for (const char* range : {"10.42.1.0/24", "fd00:42:0:1::/64"}) other.mutable_spec()->add_pod_cidrs(range);
  other.mutable_spec()->set_pod_cidr("10.42.1.0/24");
  for (const char* text : {"192.0.2.2", "fd00::2", "198.51.100.2"}) {
    auto& address = *other.mutable_status()->add_addresses();
    address.set_type("InternalIP");
    address.set_address(text);
  }
  const auto made = client_->call(client::create_request(kNodeRef, "", other.SerializeAsString()));
  ASSERT_TRUE(made.ok()) << made.error().message();
  ASSERT_TRUE(until([&] { return overlay_.others().contains("n2"); })) << log();
  EXPECT_EQ(overlay_.others().at("n2").addresses_size(), 3);
  EXPECT_EQ(overlay_.others().at("n2").pod_cidrs(1), "fd00:42:0:1::/64");
  annotate("n2", "overlay.gantry.dev/backend-type", "\"vx\"");
  EXPECT_TRUE(until([&] { return overlay_.others().at("n2").backend() == "vx"; })) << log();
  annotate("n2", "overlay.gantry.dev/mac", "\"aa\"");
  EXPECT_TRUE(until([&] { return overlay_.others().at("n2").advert().contains("mac"); })) << log();
  ASSERT_TRUE(client_->call(client::delete_request(kNodeRef, "", "n2")).ok());
  EXPECT_TRUE(until([&] { return overlay_.others().empty(); })) << log();
  EXPECT_TRUE(network_.others().empty()) << "that is the overlay's business";
}

// A plugin of gantry.network/1 alone, as of v1.0.
class NetworkAloneTest : public OverlayTest {
 protected:
  NetworkAloneTest() { network_.set_annotations({{"mac", "aa"}}); }
  std::optional<network::OverlayClient> overlay() override { return std::nullopt; }
};

TEST_F(NetworkAloneTest, ItsAnnotationsAreAnAdvertToo) {
  EXPECT_TRUE(until([&] { return annotation("n1", "overlay.gantry.dev/mac") == "aa"; }));
  corev1::Node other;
  other.mutable_metadata()->set_name("n2");
  other.mutable_spec()->set_pod_cidr("10.42.1.0/24");
  auto& address = *other.mutable_status()->add_addresses();
  address.set_type("InternalIP");
  address.set_address("192.0.2.2");
  ASSERT_TRUE(client_->call(client::create_request(kNodeRef, "", other.SerializeAsString())).ok());
  ASSERT_TRUE(until([&] { return network_.others().size() == 1; })) << log();
  annotate("n2", "overlay.gantry.dev/mac", "\"bb\"");
  annotate("n2", "note", "\"x\"");
  EXPECT_TRUE(until([&] { return network_.others().at(0).annotations().contains("note"); })) << log();
  EXPECT_EQ(network_.others().at(0).annotations().at("mac"), "bb");
}

}  // namespace
}  // namespace gantry::node
