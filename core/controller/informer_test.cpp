#include "core/controller/informer.hpp"

#include <gtest/gtest.h>

#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::controller {
namespace {

using Pod = k8s::io::api::core::v1::Pod;

client::Object pod(const std::string& name, const std::string& uid, int revision, const std::string& owner = {}) {
  Pod message;
  auto& meta = *message.mutable_metadata();
  meta.set_namespace_("ns");
  meta.set_name(name);
  meta.set_uid(uid);
  meta.set_resource_version(std::to_string(revision));
  (*meta.mutable_labels())["app"] = name;
  if (!owner.empty()) {
    auto& ref = *meta.add_owner_references();
    ref.set_uid(owner);
    ref.set_kind("ReplicaSet");
    ref.set_controller(true);
  }
  message.mutable_spec()->set_node_name("n");
  return http::make_chunk(message.SerializeAsString());
}

// A client whose list and watch the test plays by hand.
class PlayedClient : public client::Client {
 public:
  using Client::call;
  void call(client::ApiRequest, client::Done done) override { done(Status::unavailable("not played")); }
  std::unique_ptr<client::Watch> watch(client::WatchRequest, client::WatchHandler handler) override {
    handler_ = std::move(handler);
    return std::make_unique<client::Watch>();
  }
  void list(client::WatchRequest, std::function<void(Expected<List>)> done) override {
    if (refusal.ok())
      done(first);
    else
      done(refusal);
  }
  void expire() { handler_.ended(Status::expired("too old")); }
  void send(client::WatchEvent::Type type, client::Object object) { handler_.event({type, std::move(object)}); }

  List first;
  Status refusal;

 private:
  client::WatchHandler handler_;
};

struct InformerTest : testing::Test {
  void SetUp() override {
    client.first = {{pod("a", "ua", 1, "rs"), pod("b", "ub", 2)}, "2"};
    listener = informer.listen([this](const Informer&, const Informer::Events& events) {
      for (const auto& event : events) {
        log += std::to_string(event.type) + event.now->name + (event.before != nullptr ? "+ " : " ");
      }
    });
    client::ReflectorOptions options;
    options.schedule = [this](int64_t, std::function<void()> fn) { later = std::move(fn); };
    informer.start(client, std::move(options), [this] { log += "synced "; });
  }
  PlayedClient client;
  // Of a pod: spec, nodeName.
  Informer informer{InformerKey{"", "v1", "pods", "", "", false}, {{"spec.nodeName", {2, 10}}}};
  Informer::Handle listener;
  std::string log;
  std::function<void()> later;
};

TEST_F(InformerTest, ListsThenFollows) {
  EXPECT_EQ(log, "0a 0b synced ");
  client.send(client::WatchEvent::Type::kModified, pod("a", "ua", 3, "rs"));
  client.send(client::WatchEvent::Type::kDeleted, pod("b", "ub", 4));
  EXPECT_EQ(log, "0a 0b synced 1a+ 2b+ ");
  EXPECT_EQ(informer.list("ns").size(), 1u);
  EXPECT_EQ(informer.get("ns", "a")->revision, 3);
  EXPECT_EQ(informer.get("ns", "b"), nullptr);
  EXPECT_TRUE(informer.list("n").empty());
}

TEST_F(InformerTest, KeepsTheOwnerIndex) {
  EXPECT_EQ(informer.by_owner("rs").size(), 1u);
  client.send(client::WatchEvent::Type::kModified, pod("a", "ua", 3));
  EXPECT_TRUE(informer.by_owner("rs").empty());
  client.send(client::WatchEvent::Type::kModified, pod("b", "ub", 4, "rs"));
  EXPECT_EQ(informer.by_owner("rs").at(0)->name, "b");
}

std::string names(const std::optional<std::vector<CachedPtr>>& objects) {
  if (!objects) return "no such index";
  std::string text;
  for (const auto& object : *objects) text += object->name;
  return text;
}

TEST_F(InformerTest, FindsByTheFieldsThatAreIndexed) {
  EXPECT_EQ(names(informer.by_index("spec.nodeName", "n", "")), "ab");
  EXPECT_EQ(names(informer.by_index("spec.nodeName", "n", "ns")), "ab");
  EXPECT_EQ(names(informer.by_index("spec.nodeName", "n", "n")), "");
  EXPECT_EQ(names(informer.by_index("spec.nodeName", "", "")), "");
  EXPECT_EQ(names(informer.by_index("status.phase", "", "")), "no such index");
  client.send(client::WatchEvent::Type::kAdded, pod("c", "uc", 3));
  client.send(client::WatchEvent::Type::kDeleted, pod("a", "ua", 4, "rs"));
  Pod moved;
  moved.ParseFromString(std::string(pod("b", "ub", 5).bytes));
  moved.mutable_spec()->set_node_name("m");
  client.send(client::WatchEvent::Type::kModified, http::make_chunk(moved.SerializeAsString()));
  EXPECT_EQ(names(informer.by_index("spec.nodeName", "n", "")), "c");
  EXPECT_EQ(names(informer.by_index("spec.nodeName", "m", "")), "b");
}

TEST_F(InformerTest, FindsByTheControllerAndOrphansByNone) {
  EXPECT_EQ(names(informer.by_index("metadata.controller", "rs", "")), "a");
  EXPECT_EQ(names(informer.by_index("metadata.controller", "", "ns")), "b");
  client.send(client::WatchEvent::Type::kModified, pod("a", "ua", 3));
  EXPECT_EQ(names(informer.by_index("metadata.controller", "rs", "")), "");
  EXPECT_EQ(names(informer.by_index("metadata.controller", "", "ns")), "ab");
}

TEST(Informer, MetadataAloneHasNoFieldsToFindBy) {
  const Informer informer(InformerKey{"", "v1", "pods", "", "", true}, {{"spec.nodeName", {2, 10}}});
  EXPECT_EQ(names(informer.by_index("spec.nodeName", "n", "")), "no such index");
  EXPECT_EQ(names(informer.by_index("metadata.controller", "", "")), "");
}

TEST_F(InformerTest, TellsWhenAWriteIsSeen) {
  int seen = 0;
  EXPECT_FALSE(informer.when_seen("ua", "ns", "a", 1, false, [&] { ++seen; }));
  EXPECT_TRUE(informer.when_seen("ua", "ns", "a", 5, false, [&] { ++seen; }));
  EXPECT_TRUE(informer.when_seen("ub", "ns", "b", 0, true, [&] { ++seen; }));
  client.send(client::WatchEvent::Type::kModified, pod("a", "ua", 4));
  EXPECT_EQ(seen, 0);
  client.send(client::WatchEvent::Type::kModified, pod("a", "ua", 5));
  EXPECT_EQ(seen, 1);
  client.send(client::WatchEvent::Type::kDeleted, pod("b", "ub", 6));
  EXPECT_EQ(seen, 2);
}

// A write that is younger than the new list must still be waited for, or a controller acts on a cache without it.
TEST_F(InformerTest, ARelistReleasesOnlyWhatItShows) {
  std::string seen;
  EXPECT_TRUE(informer.when_seen("ua", "ns", "a", 7, false, [&] { seen += "a7 "; }));
  EXPECT_TRUE(informer.when_seen("ua", "ns", "a", 12, false, [&] { seen += "a12 "; }));
  EXPECT_TRUE(informer.when_seen("ub", "ns", "b", 0, true, [&] { seen += "b "; }));
  client.first = {{pod("a", "ua", 7)}, "9"};
  client.expire();
  ASSERT_TRUE(later);
  later();
  EXPECT_NE(seen.find("a7 "), std::string::npos);
  EXPECT_NE(seen.find("b "), std::string::npos);
  EXPECT_EQ(seen.find("a12"), std::string::npos);
  client.send(client::WatchEvent::Type::kModified, pod("a", "ua", 12));
  EXPECT_NE(seen.find("a12"), std::string::npos);
}

// What a selector filters out never comes; later events say that it is over.
TEST_F(InformerTest, AWriteThatIsFilteredOutIsSeenWithTheNextEvent) {
  int seen = 0;
  EXPECT_TRUE(informer.when_seen("elsewhere", "ns", "c", 3, false, [&] { ++seen; }));
  EXPECT_TRUE(informer.when_seen("elsewhere", "ns", "c", 5, false, [&] { ++seen; }));
  client.send(client::WatchEvent::Type::kModified, pod("a", "ua", 4));
  EXPECT_EQ(seen, 1);
  client.send(client::WatchEvent::Type::kModified, pod("b", "ub", 6));
  EXPECT_EQ(seen, 2);
}

TEST_F(InformerTest, WritesThatAreNeverSeenAreBounded) {
  std::vector<int64_t> seen;
  constexpr auto kMost = static_cast<int64_t>(Informer::kMaxWrites);
  for (int64_t write = 10; write <= 10 + kMost; ++write) {
    EXPECT_TRUE(seen.empty());
    EXPECT_TRUE(informer.when_seen("elsewhere", "ns", "c", write, false, [&seen, write] { seen.push_back(write); }));
  }
  EXPECT_EQ(seen, std::vector<int64_t>{10});
}

TEST_F(InformerTest, ObjectsOfAnOwnerComeInOrder) {
  for (const char* name : {"q", "c", "z"}) {
    client.send(client::WatchEvent::Type::kAdded, pod(name, std::string("u") + name, 3, "rs"));
  }
  std::string names;
  for (const auto& object : informer.by_owner("rs")) names += object->name;
  EXPECT_EQ(names, "acqz");
  client.send(client::WatchEvent::Type::kDeleted, pod("c", "uc", 4, "rs"));
  EXPECT_EQ(informer.by_owner("rs").size(), 3u);
  EXPECT_TRUE(informer.by_owner("other").empty());
}

TEST_F(InformerTest, ARefusalIsToldOnceAndUntilItIsOver) {
  log.clear();
  const auto fail = [this](const Status& why) {
    client.refusal = why;
    client.expire();
    later();
  };
  // What passes is no refusal.
  for (const int code : {408, 410, 429, 500, 503}) fail(Status(code, "Busy", "later"));
  EXPECT_TRUE(informer.refused().ok());
  EXPECT_EQ(log, "");
  fail(Status::forbidden("no"));
  EXPECT_EQ(informer.refused().message(), "no");
  EXPECT_EQ(log, "synced ");
  later();
  EXPECT_EQ(log, "synced ") << "the same again";
  client.refusal = Status::forbidden("still no");
  later();
  EXPECT_EQ(informer.refused().message(), "still no");
  EXPECT_EQ(log, "synced synced ");
  client.refusal = {};
  informer.try_again();
  EXPECT_TRUE(informer.refused().ok());
  EXPECT_EQ(log, "synced synced synced ");
}

TEST_F(InformerTest, BrokenBytesAreSkipped) {
  client.send(client::WatchEvent::Type::kAdded, http::make_chunk("\x0a\xff\xff"));
  EXPECT_EQ(informer.list("").size(), 2u);
}

TEST(IndexObject, MetadataMayEndTheObjectAndNotGoBeyondIt) {
  const std::string named("\x0a\x03\x0a\x01x", 5), longer("\x0a\x05\x0a\x01x\x12\x00", 7);
  const auto object = index_object(http::make_chunk(named));
  ASSERT_NE(object, nullptr);
  EXPECT_EQ(object->name, "x");
  EXPECT_NE(index_object(http::make_chunk(longer)), nullptr);
  EXPECT_EQ(index_object({std::string_view(longer).substr(0, 5), nullptr}), nullptr);
}

TEST(IndexObject, TheMetadataAloneIsAnObjectToo) {
  const auto object = index_object(pod("a", "ua", 7, "rs"));
  ASSERT_NE(object, nullptr);
  Pod partial;
  ASSERT_TRUE(partial.ParseFromArray(object->metadata.data(), static_cast<int>(object->metadata.size())));
  EXPECT_EQ(partial.metadata().uid(), "ua");
  EXPECT_EQ(partial.metadata().owner_references(0).uid(), "rs");
  EXPECT_FALSE(partial.has_spec());
}

}  // namespace
}  // namespace gantry::controller
