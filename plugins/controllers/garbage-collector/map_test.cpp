// Which keys an event becomes.
#include <gtest/gtest.h>

#include "testing.hpp"

namespace gantry::garbage_collector {
namespace {

using abi::ObjectEvent;
using Keys = std::vector<std::string>;

Object pod() {
  Object object;
  object.mutable_metadata()->set_namespace_("ns");
  object.mutable_metadata()->set_name("p");
  object.mutable_metadata()->set_uid("uid-p");
  return object;
}

struct MapTest : testing::Test {
  Keys keys(ObjectEvent::Type type, const Object& now, const Object* before = nullptr) {
    ObjectEvent event;
    event.set_type(type);
    event.set_version("v1");
    event.set_resource("pods");
    event.set_object(now.SerializeAsString());
    if (before != nullptr) event.set_previous(before->SerializeAsString());
    Keys found;
    cluster.collector.map(event, [&](std::string_view ns, std::string_view name) {
      found.push_back(std::string(ns) + ":" + std::string(name));
    });
    return found;
  }
  TestCluster cluster;
};

const char* const kSelf = "ns:object||v1|pods|p";
const char* const kOwnerKey = "ns:owner|v1|ConfigMap|uid-c|c";

TEST_F(MapTest, ObjectsWithoutOwnersQueueNothing) {
  const Object object = pod();
  EXPECT_EQ(keys(ObjectEvent::ADDED, object), Keys());
  Object labelled = object;
  (*labelled.mutable_metadata()->mutable_labels())["a"] = "b";
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, labelled, &object), Keys());
}

TEST_F(MapTest, ObjectsWithOwnersAreLookedAtOnceAndWhenThatChanges) {
  Object object = pod();
  TestCluster::add_owner(object, "c");
  EXPECT_EQ(keys(ObjectEvent::ADDED, object), Keys{kSelf});
  Object labelled = object;
  (*labelled.mutable_metadata()->mutable_labels())["a"] = "b";
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, labelled, &object), Keys());
  Object unblocked = object;
  unblocked.mutable_metadata()->mutable_owner_references(0)->set_block_owner_deletion(false);
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, unblocked, &object), (Keys{kOwnerKey, kSelf}));
  const Object released = pod();
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, released, &object), Keys{kOwnerKey});
}

TEST_F(MapTest, OnlyDeletionsThatAreHeldForUsAreLookedAt) {
  Object object = pod();
  object.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  EXPECT_EQ(keys(ObjectEvent::ADDED, object), Keys());
  object.mutable_metadata()->add_finalizers("example.com/mine");
  EXPECT_EQ(keys(ObjectEvent::ADDED, object), Keys());
  object.mutable_metadata()->add_finalizers("foregroundDeletion");
  EXPECT_EQ(keys(ObjectEvent::ADDED, object), Keys{kSelf});
}

TEST_F(MapTest, DeletedObjectsWakeDependentsAndOwners) {
  Object object = pod();
  TestCluster::add_owner(object, "c");
  EXPECT_EQ(keys(ObjectEvent::DELETED, object), (Keys{"ns:gone|uid-p", kOwnerKey}));
}

TEST_F(MapTest, AnotherObjectOfTheSameNameMeansTheFirstIsGone) {
  const Object first = pod();
  Object second = pod();
  second.mutable_metadata()->set_uid("uid-other");
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, second, &first), Keys{"ns:gone|uid-p"});
}

// The host asks of no other events than these.
TEST_F(MapTest, EventsOfOwnersAndDeletionsAreAskedFor) {
  const auto all = cluster.collector.spec().all();
  EXPECT_EQ(all.mapping(), abi::WatchSpec::CUSTOM);
  EXPECT_EQ(std::vector<int>(all.interests().begin(), all.interests().end()),
            (std::vector<int>{abi::WatchSpec::GONE, abi::WatchSpec::OWNERS, abi::WatchSpec::DELETION}));
}

TEST_F(MapTest, BrokenBytesQueueNothing) {
  ObjectEvent event;
  event.set_resource("pods");
  event.set_object("\x0a\xff\xff");
  cluster.collector.map(event, [&](std::string_view, std::string_view) { FAIL(); });
}

}  // namespace
}  // namespace gantry::garbage_collector
