// Numbers, names, labels, volumes and claims of a set's pods.
#include "identity.hpp"

#include <gmock/gmock.h>

#include "sets_testing.hpp"

namespace gantry::statefulset {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Identity, NumbersAreReadFromNames) {
  EXPECT_EQ(ordinal_of("web", "web-0"), 0);
  EXPECT_EQ(ordinal_of("web", "web-12"), 12);
  EXPECT_EQ(ordinal_of("web-1", "web-1-3"), 3);
  EXPECT_EQ(ordinal_of("web", "web-2147483647"), 2147483647);
  for (const char* name : {"web", "web-", "web-x", "web-1x", "web--1", "web-01", "web-00", "web-2147483648", "we-1",
                           "web1-1", "web-1-3", "", "web-+1", "web- 1"}) {
    EXPECT_FALSE(ordinal_of("web", name)) << name;
  }
}

TEST(Identity, APodHasItsPlaceInTheSet) {
  const auto set = set_of(3);
  const Pod pod = new_pod(set, set.spec().template_(), "web-abc", 7);
  EXPECT_EQ(pod.metadata().name(), "web-7");
  EXPECT_EQ(pod.metadata().namespace_(), "shop");
  EXPECT_FALSE(pod.metadata().has_generate_name());
  EXPECT_EQ(pod.spec().hostname(), "web-7");
  EXPECT_EQ(pod.spec().subdomain(), "webs");
  const auto& labels = pod.metadata().labels();
  EXPECT_EQ(labels.size(), 4U);
  EXPECT_EQ(labels.at("app"), "web");
  EXPECT_EQ(labels.at("statefulset.kubernetes.io/pod-name"), "web-7");
  EXPECT_EQ(labels.at("apps.kubernetes.io/pod-index"), "7");
  EXPECT_EQ(labels.at("controller-revision-hash"), "web-abc");
  ASSERT_EQ(pod.metadata().owner_references_size(), 1);
  EXPECT_EQ(pod.metadata().owner_references(0).kind(), "StatefulSet");
  EXPECT_EQ(pod.metadata().owner_references(0).uid(), "uid-web");
  EXPECT_EQ(pod.spec().containers(0).image(), "web:1");
  EXPECT_EQ(revision_of(pod), "web-abc");
  EXPECT_EQ(revision_of(Pod()), "");
}

TEST(Identity, ClaimsTakeThePlaceOfVolumesOfTheirName) {
  auto set = set_of(1);
  add_claim(set, "data");
  add_claim(set, "logs");
  auto& spec = *set.mutable_spec()->mutable_template_()->mutable_spec();
  auto& local = *spec.add_volumes();
  local.set_name("data");
  local.mutable_volume_source()->mutable_empty_dir();
  spec.add_volumes()->set_name("tmp");
  Pod pod = new_pod(set, set.spec().template_(), "r", 2);
  std::vector<std::string> volumes;
  for (const auto& volume : pod.spec().volumes()) {
    volumes.push_back(volume.name() + "=" + volume.volume_source().persistent_volume_claim().claim_name());
  }
  EXPECT_THAT(volumes, ElementsAre("data=data-web-2", "logs=logs-web-2", "tmp="));
  EXPECT_FALSE(pod.spec().volumes(0).volume_source().has_empty_dir());
  EXPECT_TRUE(storage_matches(set, pod, 2));
  EXPECT_FALSE(storage_matches(set, pod, 3));
  pod.mutable_spec()->mutable_volumes()->DeleteSubrange(1, 1);
  EXPECT_FALSE(storage_matches(set, pod, 2));
  repair(set, pod, 2);
  EXPECT_TRUE(storage_matches(set, pod, 2));
  EXPECT_EQ(pod.spec().volumes_size(), 3);
}

TEST(Identity, LostLabelsComeBack) {
  const auto set = set_of(1);
  Pod pod = pod_of(set, 0);
  EXPECT_TRUE(identity_matches(set, pod, 0));
  (*pod.mutable_metadata()->mutable_labels())[kPodNameLabel] = "web-9";
  EXPECT_FALSE(identity_matches(set, pod, 0));
  pod.mutable_metadata()->mutable_labels()->clear();
  EXPECT_FALSE(identity_matches(set, pod, 0));
  repair(set, pod, 0);
  EXPECT_TRUE(identity_matches(set, pod, 0));
  EXPECT_EQ(pod.metadata().labels().at(kPodIndexLabel), "0");
  EXPECT_THAT(pod.spec().volumes(), IsEmpty());
}

TEST(Identity, AClaimHasTheLabelsOfBoth) {
  auto set = set_of(1);
  add_claim(set, "data");
  auto& from = *set.mutable_spec()->mutable_volume_claim_templates(0);
  (*from.mutable_metadata()->mutable_labels())["tier"] = "db";
  (*from.mutable_metadata()->mutable_labels())["app"] = "other";
  (*from.mutable_metadata()->mutable_annotations())["note"] = "x";
  from.mutable_spec()->add_access_modes("ReadWriteOnce");
  const auto claim = new_claim(set, from, 4);
  EXPECT_EQ(claim.metadata().name(), "data-web-4");
  EXPECT_EQ(claim.metadata().namespace_(), "shop");
  EXPECT_EQ(claim.metadata().labels().at("app"), "web");
  EXPECT_EQ(claim.metadata().labels().at("tier"), "db");
  EXPECT_EQ(claim.metadata().annotations().at("note"), "x");
  EXPECT_EQ(claim.spec().access_modes(0), "ReadWriteOnce");
  EXPECT_EQ(claim.metadata().owner_references_size(), 0);
}

}  // namespace
}  // namespace gantry::statefulset
