#include "gantry/revisions.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <map>

#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::sdk {
namespace {

using abi::ApiRequest;
using appsv1::ControllerRevision;
using testing::ElementsAre;
using testing::IsEmpty;
using testkit::ScriptedHost;

struct RevisionsTest : testing::Test {
  RevisionsTest() {
    auto& meta = *owner.mutable_metadata();
    meta.set_namespace_("shop");
    meta.set_name("db");
    meta.set_uid("u1");
    (*owner.mutable_spec()->mutable_selector()->mutable_match_labels())["app"] = "db";
    reference = controller_reference(meta, "apps/v1", "StatefulSet");
    labels["app"] = "db";
    scripted.api = [this](const ApiRequest& request) { return serve(request); };
  }
  ScriptedHost::Answer serve(const ApiRequest& request) {
    ControllerRevision sent;
    sent.ParseFromString(request.body());
    switch (request.verb()) {
      case ApiRequest::CREATE:
        if (!refusal.ok()) return refusal;
        if (!stored.emplace(sent.metadata().name(), sent).second) return Status::already_exists("taken");
        return ScriptedHost::answer(sent);
      case ApiRequest::UPDATE:
        if (conflicts > 0) {
          --conflicts;
          return Status::conflict("newer");
        }
        stored[sent.metadata().name()] = sent;
        return ScriptedHost::answer(sent);
      default:
        const auto it = stored.find(request.name());
        if (it == stored.end()) return Status::not_found("none");
        return ScriptedHost::answer(it->second);
    }
  }
  ControllerRevision state(const std::string& data, int64_t number, int32_t at = 0) const {
    return make_revision(owner.metadata(), reference, labels, data, number, at);
  }
  Expected<ControllerRevision> present(const Revisions& sorted, const std::string& data) {
    return present_revision(host, sorted, state(data, next_revision(sorted), collisions), "db", collisions);
  }
  static std::vector<int64_t> numbers(const Revisions& revisions) {
    std::vector<int64_t> numbers;
    for (const auto& revision : revisions) numbers.push_back(revision.revision());
    return numbers;
  }

  ScriptedHost scripted;
  Host host{&scripted.host};
  appsv1::ReplicaSet owner;  // any kind will do
  metav1::OwnerReference reference;
  LabelMap labels;
  std::map<std::string, ControllerRevision> stored;
  Status refusal;
  int conflicts = 0;
  int32_t collisions = 0;
};

TEST_F(RevisionsTest, AreNamedByTheirState) {
  const auto revision = state(R"({"a":1})", 4);
  EXPECT_EQ(revision.metadata().namespace_(), "shop");
  EXPECT_EQ(revision.metadata().labels().at("app"), "db");
  EXPECT_EQ(revision.metadata().name(), "db-" + revision.metadata().labels().at(kRevisionHash));
  EXPECT_EQ(revision.metadata().owner_references(0).uid(), "u1");
  EXPECT_EQ(revision.data().raw(), R"({"a":1})");
  EXPECT_EQ(revision.revision(), 4);
  EXPECT_EQ(state(R"({"a":1})", 9).metadata().name(), revision.metadata().name());
  EXPECT_NE(state(R"({"a":2})", 4).metadata().name(), revision.metadata().name());
  EXPECT_NE(state(R"({"a":1})", 4, 1).metadata().name(), revision.metadata().name());
}

// FNV-1 of "a0" is 1886858602; each digit's letter is its code's remainder by 27.
TEST_F(RevisionsTest, HaveUpstreamsHash) {
  EXPECT_EQ(state("a", 1).metadata().labels().at(kRevisionHash), "5ddbd9db46");
}

TEST_F(RevisionsTest, LongOwnersAreCut) {
  owner.mutable_metadata()->set_name(std::string(253, 'x'));
  const auto revision = state("a", 1);
  EXPECT_EQ(revision.metadata().name(), std::string(223, 'x') + "-" + revision.metadata().labels().at(kRevisionHash));
}

TEST_F(RevisionsTest, AreSortedByNumberAgeAndName) {
  Revisions all{state("a", 3), state("b", 1), state("c", 2), state("d", 2), state("e", 2)};
  const auto set = [&](size_t i, const char* name, int64_t created) {
    all[i].mutable_metadata()->set_name(name);
    all[i].mutable_metadata()->mutable_creation_timestamp()->set_seconds(created);
  };
  set(2, "z", 10);
  set(3, "y", 20);
  set(4, "x", 20);
  sort_revisions(all);
  std::string order;
  for (const auto& revision : all) order += revision.data().raw();
  EXPECT_EQ(order, "bceda");
  EXPECT_EQ(next_revision(all), 4);
  EXPECT_EQ(next_revision({}), 1);
  EXPECT_EQ(next_revision({state("a", std::numeric_limits<int64_t>::max())}), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(next_revision({state("a", -7)}), 1);
}

TEST_F(RevisionsTest, TheOldestBeyondTheLimitGo) {
  Revisions all;
  for (int64_t number = 1; number <= 6; ++number) all.push_back(state(std::to_string(number), number));
  const auto live = [](const ControllerRevision& one) { return one.revision() == 2 || one.revision() == 6; };
  const auto gone = [&](size_t limit, Kept kept) { return numbers(beyond_limit(all, limit, kept, live)); };
  EXPECT_THAT(gone(2, Kept::kBesidesLive), ElementsAre(1, 3));
  EXPECT_THAT(gone(2, Kept::kInAll), ElementsAre(1, 3, 4, 5));
  EXPECT_THAT(gone(5, Kept::kInAll), ElementsAre(1));
  EXPECT_THAT(gone(0, Kept::kInAll), ElementsAre(1, 3, 4, 5)) << "live ones stay";
  EXPECT_THAT(gone(0, Kept::kBesidesLive), ElementsAre(1, 3, 4, 5));
  EXPECT_THAT(gone(4, Kept::kBesidesLive), IsEmpty());
  EXPECT_THAT(gone(100, Kept::kInAll), IsEmpty());
  EXPECT_THAT(numbers(beyond_limit({}, 0, Kept::kInAll, live)), IsEmpty());
}

TEST_F(RevisionsTest, TheLastStateIsThePresentOne) {
  const auto found = present({state("a", 1), state("b", 2)}, "b");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->revision(), 2);
  EXPECT_THAT(scripted.requests, IsEmpty());
}

TEST_F(RevisionsTest, ARollbackRenumbers) {
  conflicts = 2;
  const Revisions sorted{state("a", 1), state("b", 2), state("a", 3), state("c", 4)};
  stored[sorted[2].metadata().name()] = sorted[2];
  const auto found = present(sorted, "a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->revision(), 5);
  EXPECT_EQ(stored.at(sorted[2].metadata().name()).revision(), 5);
  EXPECT_EQ(scripted.requests.size(), 5U) << "two conflicts, each with a look at the newest";
  conflicts = 99;
  EXPECT_EQ(present(sorted, "a").error().code(), 409) << "it ends";
  stored.clear();
  EXPECT_EQ(present(sorted, "a").error().code(), 404);
}

TEST_F(RevisionsTest, ANewStateIsCreated) {
  const auto made = present({state("a", 1)}, "b");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->revision(), 2);
  EXPECT_EQ(stored.size(), 1U);
  EXPECT_EQ(collisions, 0);
  refusal = Status::forbidden("quota");
  EXPECT_EQ(present({}, "c").error().code(), 403);
  EXPECT_EQ(collisions, 0);
}

TEST_F(RevisionsTest, OneThatIsThereAlreadyIsTaken) {
  ASSERT_TRUE(present({}, "a"));
  const auto again = present({}, "a");
  ASSERT_TRUE(again);
  EXPECT_EQ(collisions, 0);
  EXPECT_EQ(stored.size(), 1U);
  stored.begin()->second.mutable_metadata()->clear_owner_references();
  EXPECT_TRUE(present({}, "a")) << "an orphan, too";
  EXPECT_EQ(collisions, 0);
}

TEST_F(RevisionsTest, ANameThatIsAnothersCounts) {
  auto other = state("a", 1);
  other.mutable_data()->set_raw("x");
  stored[other.metadata().name()] = other;
  const auto made = present({}, "a");
  ASSERT_TRUE(made);
  EXPECT_EQ(collisions, 1);
  EXPECT_EQ(made->metadata().name(), state("a", 1, 1).metadata().name());
  EXPECT_EQ(made->metadata().labels().at(kRevisionHash), state("a", 1, 1).metadata().labels().at(kRevisionHash));
  // The same state of another owner, who takes it along when he goes.
  other = state("b", 1, 1);
  other.mutable_metadata()->mutable_owner_references(0)->set_uid("u2");
  stored[other.metadata().name()] = other;
  ASSERT_TRUE(present({}, "b"));
  EXPECT_EQ(collisions, 2);
}

TEST_F(RevisionsTest, CollisionsEndForOneRun) {
  for (int32_t i = 0; i < 20; ++i) {
    auto other = state("a", 1, i);
    other.mutable_data()->set_raw("x");
    stored[other.metadata().name()] = other;
  }
  EXPECT_EQ(present({}, "a").error().reason(), "AlreadyExists");
  EXPECT_EQ(collisions, 5) << "the next run goes on from there";
}

TEST_F(RevisionsTest, AreClaimedAndSorted) {
  scripted.cache(state("b", 2));
  scripted.cache(state("a", 1));
  auto foreign = state("c", 3);
  foreign.mutable_metadata()->mutable_owner_references(0)->set_uid("u2");
  scripted.cache(foreign);
  const auto claimed = claim_revisions(host, owner, reference, owner.spec().selector());
  ASSERT_TRUE(claimed);
  EXPECT_THAT(numbers(*claimed), ElementsAre(1, 2));
}

}  // namespace
}  // namespace gantry::sdk
