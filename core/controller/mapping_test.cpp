// What the host makes of events without asking a plugin.
#include "core/controller/mapping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/api/core/v1/replication_controller.pb.h"

namespace gantry::controller {
namespace {

using gantry::abi::ObjectEvent;
using gantry::abi::WatchSpec;
using Keys = std::vector<std::string>;

corev1::Pod pod(const std::string& app, const std::string& set = {}, const std::string& kind = "ReplicaSet") {
  corev1::Pod pod;
  auto& meta = *pod.mutable_metadata();
  meta.set_namespace_("shop");
  meta.set_name("p");
  meta.set_uid("uid-p");
  if (!app.empty()) (*meta.mutable_labels())["app"] = app;
  if (set.empty()) return pod;
  auto& owner = *meta.add_owner_references();
  owner.set_api_version(kind == "ReplicaSet" ? "apps/v1" : "batch/v1");
  owner.set_kind(kind);
  owner.set_name(set);
  owner.set_uid("uid-" + set);
  owner.set_controller(true);
  return pod;
}

CachedPtr cached(const google::protobuf::MessageLite& object) {
  return index_object(http::make_chunk(object.SerializeAsString()));
}

Informer::Event event(ObjectEvent::Type type, const corev1::Pod& now, const corev1::Pod* before = nullptr) {
  return {type, cached(now), before == nullptr ? nullptr : cached(*before)};
}

// Sets whose objects a test lists.
class Sets : public client::Client {
 public:
  using Client::call;
  void call(client::ApiRequest, client::Done) override {}
  std::unique_ptr<client::Watch> watch(client::WatchRequest, client::WatchHandler) override {
    return std::make_unique<client::Watch>();
  }
  void list(client::WatchRequest, std::function<void(Expected<List>)> done) override { done(sets); }
  void add(const std::string& ns, const std::string& name, const std::string& app) {
    appsv1::ReplicaSet set;
    set.mutable_metadata()->set_namespace_(ns);
    set.mutable_metadata()->set_name(name);
    if (!app.empty()) (*set.mutable_spec()->mutable_selector()->mutable_match_labels())["app"] = app;
    sets.objects.push_back(http::make_chunk(set.SerializeAsString()));
  }
  List sets;
};

struct OwnerMap : testing::Test {
  void SetUp() override {
    spec.set_mapping(WatchSpec::OWNER);
    spec.set_owner_group("apps");
    spec.set_owner_kind("ReplicaSet");
    spec.add_owner_selector(appsv1::ReplicaSet::kSpecFieldNumber);
    spec.add_owner_selector(appsv1::ReplicaSetSpec::kSelectorFieldNumber);
    client.add("shop", "web", "web");
    client.add("shop", "db", "db");
    client.add("shop", "everything", "");
    client.add("elsewhere", "far", "web");
    sets.start(client, {}, [] {});
  }
  Keys keys(ObjectEvent::Type type, const corev1::Pod& now, const corev1::Pod* before = nullptr) {
    Keys found;
    map_owners(spec, event(type, now, before), &sets, [&](std::string_view ns, std::string_view name) {
      found.push_back(std::string(ns) + "/" + std::string(name));
    });
    return found;
  }
  WatchSpec spec;
  Sets client;
  Informer sets{InformerKey{"apps", "v1", "replicasets", "", "", false}};
};

TEST_F(OwnerMap, AnObjectMeansItsControllerAndTheOneThatItHad) {
  const auto one = pod("web", "one"), two = pod("web", "two"), job = pod("web", "j", "Job");
  EXPECT_EQ(keys(ObjectEvent::ADDED, one), Keys{"shop/one"});
  EXPECT_EQ(keys(ObjectEvent::DELETED, one, &one), Keys{"shop/one"});
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, one, &one), Keys{"shop/one"}) << "once";
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, two, &one), (Keys{"shop/two", "shop/one"}));
  EXPECT_EQ(keys(ObjectEvent::ADDED, job), Keys());
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, job, &one), Keys{"shop/one"});
}

TEST_F(OwnerMap, AnOwnerThatIsNotTheControllerIsNotMeant) {
  auto object = pod("web", "one");
  object.mutable_metadata()->mutable_owner_references(0)->clear_controller();
  spec.clear_owner_selector();
  EXPECT_EQ(keys(ObjectEvent::ADDED, object), Keys());
}

TEST_F(OwnerMap, AnotherGroupsKindIsNotMeant) {
  auto object = pod("web", "one");
  object.mutable_metadata()->mutable_owner_references(0)->set_api_version("example.com/v1");
  EXPECT_EQ(keys(ObjectEvent::ADDED, object), Keys());
}

TEST_F(OwnerMap, AnOrphanMeansThoseWhoseSelectorMatches) {
  const auto orphan = pod("web"), other = pod("db"), bare = pod("");
  EXPECT_EQ(keys(ObjectEvent::ADDED, orphan), Keys{"shop/web"});
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, other, &orphan), Keys{"shop/db"});
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, orphan, &orphan), Keys()) << "nothing about it is new";
  EXPECT_EQ(keys(ObjectEvent::DELETED, orphan, &orphan), Keys());
  EXPECT_EQ(keys(ObjectEvent::ADDED, bare), Keys());
  const auto owned = pod("web", "one");
  EXPECT_EQ(keys(ObjectEvent::MODIFIED, orphan, &owned), (Keys{"shop/one", "shop/web"})) << "it was let go";
}

// A ReplicationController's selector is no message but a map.
TEST(OwnerMapOfLabels, AnOrphanMeansThoseWhoseMapItHas) {
  Sets client;
  for (const auto& [name, labels] : std::map<std::string, std::map<std::string, std::string>>{
           {"web", {{"app", "web"}}}, {"both", {{"app", "web"}, {"tier", "front"}}}, {"none", {}}}) {
    corev1::ReplicationController controller;
    controller.mutable_metadata()->set_namespace_("shop");
    controller.mutable_metadata()->set_name(name);
    controller.mutable_spec()->set_replicas(3);
    controller.mutable_spec()->mutable_selector()->insert(labels.begin(), labels.end());
    client.sets.objects.push_back(http::make_chunk(controller.SerializeAsString()));
  }
  Informer owners{InformerKey{"", "v1", "replicationcontrollers", "", "", false}};
  owners.start(client, {}, [] {});
  WatchSpec spec;
  spec.set_mapping(WatchSpec::OWNER);
  spec.set_owner_kind("ReplicationController");
  for (const int number : {2, 2, 0}) spec.add_owner_selector(number);
  Keys found;
  auto orphan = pod("web");
  const auto emit = [&](std::string_view, std::string_view name) { found.emplace_back(name); };
  map_owners(spec, event(ObjectEvent::ADDED, orphan), &owners, emit);
  EXPECT_EQ(found, Keys{"web"});
  (*orphan.mutable_metadata()->mutable_labels())["tier"] = "front";
  found.clear();
  map_owners(spec, event(ObjectEvent::ADDED, orphan), &owners, emit);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (Keys{"both", "web"}));
}

TEST_F(OwnerMap, WithoutAPathToTheSelectorOrphansMeanNobody) {
  spec.clear_owner_selector();
  EXPECT_EQ(keys(ObjectEvent::ADDED, pod("web")), Keys());
  EXPECT_EQ(keys(ObjectEvent::ADDED, pod("web", "one")), Keys{"shop/one"});
}

TEST(Interests, NoneGivenAllCount) { EXPECT_TRUE(counts({}, event(ObjectEvent::ADDED, pod("web")))); }

WatchSpec interested(WatchSpec::Interest interest) {
  WatchSpec spec;
  spec.add_interests(interest);
  return spec;
}

TEST(Interests, Gone) {
  const auto spec = interested(WatchSpec::GONE);
  const auto first = pod("web", "one");
  auto second = first;
  second.mutable_metadata()->set_uid("uid-2");
  EXPECT_TRUE(counts(spec, event(ObjectEvent::DELETED, first, &first)));
  EXPECT_TRUE(counts(spec, event(ObjectEvent::DELETED, first)));
  EXPECT_TRUE(counts(spec, event(ObjectEvent::MODIFIED, second, &first)));
  EXPECT_FALSE(counts(spec, event(ObjectEvent::MODIFIED, first, &first)));
  EXPECT_FALSE(counts(spec, event(ObjectEvent::ADDED, first)));
}

TEST(Interests, Owners) {
  const auto spec = interested(WatchSpec::OWNERS);
  const auto none = pod("web"), one = pod("web", "one");
  auto unblocked = one;
  unblocked.mutable_metadata()->mutable_owner_references(0)->set_block_owner_deletion(true);
  auto renamed = one;
  (*renamed.mutable_metadata()->mutable_labels())["more"] = "x";
  EXPECT_TRUE(counts(spec, event(ObjectEvent::ADDED, one)));
  EXPECT_FALSE(counts(spec, event(ObjectEvent::ADDED, none)));
  EXPECT_TRUE(counts(spec, event(ObjectEvent::MODIFIED, none, &one)));
  EXPECT_TRUE(counts(spec, event(ObjectEvent::MODIFIED, one, &none)));
  EXPECT_TRUE(counts(spec, event(ObjectEvent::MODIFIED, unblocked, &one)));
  EXPECT_FALSE(counts(spec, event(ObjectEvent::MODIFIED, renamed, &one)));
  EXPECT_FALSE(counts(spec, event(ObjectEvent::DELETED, one, &none)));
  auto second = one;
  second.mutable_metadata()->set_uid("uid-2");
  EXPECT_TRUE(counts(spec, event(ObjectEvent::MODIFIED, second, &one))) << "a new object";
}

TEST(Interests, Deletion) {
  const auto spec = interested(WatchSpec::DELETION);
  const auto alive = pod("web", "one");
  auto held = alive;
  held.mutable_metadata()->add_finalizers("example.com/mine");
  auto going = held;
  going.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  auto let_go = going;
  let_go.mutable_metadata()->clear_finalizers();
  auto labelled = going;
  (*labelled.mutable_metadata()->mutable_labels())["more"] = "x";
  EXPECT_FALSE(counts(spec, event(ObjectEvent::ADDED, alive)));
  EXPECT_FALSE(counts(spec, event(ObjectEvent::MODIFIED, held, &alive))) << "nobody deletes it";
  EXPECT_TRUE(counts(spec, event(ObjectEvent::ADDED, going)));
  EXPECT_TRUE(counts(spec, event(ObjectEvent::MODIFIED, going, &held)));
  EXPECT_TRUE(counts(spec, event(ObjectEvent::MODIFIED, let_go, &going)));
  EXPECT_FALSE(counts(spec, event(ObjectEvent::MODIFIED, labelled, &going)));
  EXPECT_FALSE(counts(spec, event(ObjectEvent::DELETED, going, &held)));
}

}  // namespace
}  // namespace gantry::controller
