#include "core/network/node_book.hpp"

#include <gtest/gtest.h>

namespace gantry::network {
namespace {

abi::OverlayNode node(const std::string& name, const std::string& range = "10.42.0.0/24",
                      const std::string& address = "192.0.2.1") {
  abi::OverlayNode out;
  out.set_name(name);
  if (!range.empty()) out.add_pod_cidrs(range);
  if (!address.empty()) out.add_addresses(address);
  return out;
}

// "+a" for each node, "-b" for each that is gone, "=" before a complete list.
std::string said(const abi::OverlayNodes& nodes) {
  std::string out = nodes.complete() ? "=" : "";
  for (const auto& one : nodes.nodes()) out += "+" + one.name();
  for (const auto& name : nodes.gone()) out += "-" + name;
  return out;
}

TEST(NodeBook, TellsAllOnceAndThenWhatChanged) {
  NodeBook book;
  EXPECT_TRUE(book.put(node("a")));
  EXPECT_TRUE(book.put(node("b")));
  EXPECT_EQ(said(book.take()), "=+a+b");
  EXPECT_FALSE(book.has_news());
  EXPECT_FALSE(book.put(node("a"))) << "the same again";
  EXPECT_EQ(said(book.take()), "");
  EXPECT_TRUE(book.put(node("c")));
  EXPECT_TRUE(book.drop("a"));
  EXPECT_FALSE(book.drop("a"));
  EXPECT_TRUE(book.has_news());
  EXPECT_EQ(said(book.take()), "+c-a");
  EXPECT_EQ(said(book.all()), "=+b+c");
}

TEST(NodeBook, AfterAForgetItTellsAll) {
  NodeBook book;
  book.put(node("a"));
  (void)book.take();
  book.drop("a");
  book.put(node("b"));
  book.forget();
  EXPECT_EQ(said(book.take()), "=+b");
  EXPECT_EQ(said(book.take()), "");
}

TEST(NodeBook, EachPartOfANodeThatChangesIsNews) {
  NodeBook book;
  auto one = node("a");
  book.put(one);
  EXPECT_TRUE(book.put(node("a", "10.42.1.0/24")));
  EXPECT_TRUE(book.put(node("a", "10.42.1.0/24", "192.0.2.2")));
  one = node("a", "10.42.1.0/24", "192.0.2.2");
  one.add_addresses("fd00::2");
  EXPECT_TRUE(book.put(one)) << "a further address";
  one.add_pod_cidrs("fd00:42::/64");
  EXPECT_TRUE(book.put(one)) << "a further range";
  (*one.mutable_advert())["mac"] = "1";
  EXPECT_TRUE(book.put(one));
  (*one.mutable_advert())["mac"] = "2";
  EXPECT_TRUE(book.put(one));
  one.mutable_advert()->clear();
  (*one.mutable_advert())["vni"] = "2";
  EXPECT_TRUE(book.put(one)) << "another name";
  one.set_backend("x");
  EXPECT_TRUE(book.put(one));
  EXPECT_FALSE(book.put(one));
}

TEST(NodeBook, WhoHasNoRangeOrNoAddressIsNotThere) {
  NodeBook book;
  (void)book.take();
  EXPECT_FALSE(book.put(node("a", "")));
  EXPECT_FALSE(book.put(node("a", "10.42.0.0/24", "")));
  EXPECT_FALSE(book.has_news());
  EXPECT_TRUE(book.put(node("a")));
  EXPECT_TRUE(book.put(node("a", "10.42.0.0/24", "")));
  EXPECT_EQ(said(book.take()), "-a");
}

TEST(OverlayNode, IsWhatTheNodeSays) {
  k8s::io::api::core::v1::Node from;
  from.mutable_metadata()->set_name("n");
  from.mutable_spec()->set_pod_cidr("10.42.0.0/24");
  EXPECT_EQ(overlay_node(from).pod_cidrs(0), "10.42.0.0/24") << "of an old server";
  for (const char* range : {"10.42.0.0/24", "fd00:42::/64"}) from.mutable_spec()->add_pod_cidrs(range);
  for (const auto& [type, address] : {std::pair("InternalIP", "192.0.2.1"), std::pair("Hostname", "n"),
                                      std::pair("ExternalIP", "203.0.113.1"), std::pair("InternalIP", "fd00::1")}) {
    auto& one = *from.mutable_status()->add_addresses();
    one.set_type(type);
    one.set_address(address);
  }
  auto& annotations = *from.mutable_metadata()->mutable_annotations();
  annotations["overlay.gantry.dev/backend-type"] = "vx";
  annotations["overlay.gantry.dev/mac"] = "1";
  annotations["note"] = "2";
  const auto made = overlay_node(from);
  EXPECT_EQ(made.pod_cidrs_size(), 2);
  ASSERT_EQ(made.addresses_size(), 2);
  EXPECT_EQ(made.addresses(0) + " " + made.addresses(1), "192.0.2.1 fd00::1");
  EXPECT_EQ(made.backend(), "vx");
  ASSERT_EQ(made.advert_size(), 1);
  EXPECT_EQ(made.advert().at("mac"), "1");
}

}  // namespace
}  // namespace gantry::network
