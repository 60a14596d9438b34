#include "gantry/scheduling/requests.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace gantry::sdk {
namespace {

constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

using Amounts = std::map<std::string, std::string>;

void set(ResourceList& list, const Amounts& amounts) {
  for (const auto& [name, amount] : amounts) list[name].set_string(amount);
}

corev1::Container& add(corev1::PodSpec& spec, const Amounts& amounts) {
  auto& container = *spec.add_containers();
  set(*container.mutable_resources()->mutable_requests(), amounts);
  return container;
}

corev1::Container& add_init(corev1::PodSpec& spec, const Amounts& amounts, bool sidecar) {
  auto& container = *spec.add_init_containers();
  set(*container.mutable_resources()->mutable_requests(), amounts);
  if (sidecar) container.set_restart_policy("Always");
  return container;
}

TEST(Requests, OfEveryKindOfResource) {
  ResourceList list;
  set(list, {{"cpu", "1500m"}, {"memory", "1Gi"}, {"ephemeral-storage", "1k"}, {"pods", "110"}, {"x.io/gpu", "3"}});
  const auto resources = resources_of(list);
  EXPECT_EQ(resources.milli_cpu, 1500);
  EXPECT_EQ(resources.memory, 1 << 30);
  EXPECT_EQ(resources.storage, 1000);
  EXPECT_EQ(resources.others.size(), 1U);
  EXPECT_EQ(resources.other("x.io/gpu"), 3);
  EXPECT_EQ(resources.other("pods"), 0);
  EXPECT_EQ(amount_of(list.at("pods")), 110);
}

TEST(Requests, InitContainersCountOnlyWhenTheyNeedMore) {
  corev1::PodSpec spec;
  add(spec, {{"cpu", "500m"}});
  auto& init = add_init(spec, {{"cpu", "300m"}}, false);
  EXPECT_EQ(requests_of(spec).requests.milli_cpu, 500);
  (*init.mutable_resources()->mutable_requests())["cpu"].set_string("900m");
  EXPECT_EQ(requests_of(spec).requests.milli_cpu, 900);
  init.set_restart_policy("Always");
  EXPECT_EQ(requests_of(spec).requests.milli_cpu, 1400) << "a sidecar stays";
}

TEST(Requests, AnInitContainerRunsBesideTheSidecarsBeforeIt) {
  corev1::PodSpec spec;
  add(spec, {{"memory", "10"}, {"x.io/gpu", "1"}});
  add_init(spec, {{"memory", "100"}}, false);
  add_init(spec, {{"memory", "20"}}, true);
  add_init(spec, {{"memory", "50"}, {"x.io/gpu", "4"}}, false);
  add_init(spec, {{"memory", "30"}}, true);
  const auto requests = requests_of(spec).requests;
  EXPECT_EQ(requests.memory, 100) << "of 100, 20 + 50, and 10 + 20 + 30 the most";
  EXPECT_EQ(requests.other("x.io/gpu"), 4);
  add_init(spec, {{"memory", "51"}}, false);
  EXPECT_EQ(requests_of(spec).requests.memory, 101);
}

TEST(Requests, OverheadComesOnTop) {
  corev1::PodSpec spec;
  add(spec, {{"cpu", "1"}});
  set(*spec.mutable_overhead(), {{"cpu", "250m"}, {"memory", "7"}});
  EXPECT_EQ(requests_of(spec).requests.milli_cpu, 1250);
  EXPECT_EQ(requests_of(spec).requests.memory, 7);
  EXPECT_EQ(requests_of(spec).scored.milli_cpu, 1250);
}

TEST(Requests, OfTheWholePodReplaceTheSum) {
  corev1::PodSpec spec;
  for (int i = 0; i < 2; ++i)
    add(spec, {{"cpu", "300m"}, {"memory", "1Gi"}, {"hugepages-2Mi", "4Mi"}, {"x.io/gpu", "1"}});
  set(*spec.mutable_resources()->mutable_requests(), {{"cpu", "2"}, {"hugepages-2Mi", "2Mi"}, {"x.io/gpu", "9"}});
  set(*spec.mutable_overhead(), {{"cpu", "1m"}});
  const auto all = requests_of(spec);
  EXPECT_EQ(all.requests.milli_cpu, 2001);
  EXPECT_EQ(all.scored.milli_cpu, 2001);
  EXPECT_EQ(all.requests.memory, 2LL << 30);
  EXPECT_EQ(all.requests.other("hugepages-2Mi"), 2 << 20);
  EXPECT_EQ(all.requests.other("x.io/gpu"), 2);
}

TEST(Requests, NothingCountsAsALittleWhenNodesAreCompared) {
  corev1::PodSpec spec;
  add(spec, {});
  add(spec, {{"cpu", "2"}});
  add_init(spec, {}, true);
  const auto all = requests_of(spec);
  EXPECT_EQ(all.requests.milli_cpu, 2000);
  EXPECT_EQ(all.requests.memory, 0);
  EXPECT_EQ(all.scored.milli_cpu, 2200);
  EXPECT_EQ(all.scored.memory, 600LL << 20);
  EXPECT_EQ(requests_of({}).scored.memory, 0);
}

TEST(Requests, OddAmounts) {
  corev1::PodSpec spec;
  for (int i = 0; i < 3; ++i) add(spec, {{"cpu", "9e18"}, {"memory", "9223372036854775807"}, {"x.io/gpu", "8E"}});
  add(spec, {{"cpu", "lots"}, {"memory", ""}});
  const auto requests = requests_of(spec).requests;
  EXPECT_EQ(requests.milli_cpu, kLargest);
  EXPECT_EQ(requests.memory, kLargest);
  EXPECT_EQ(requests.other("x.io/gpu"), kLargest);
}

TEST(Requests, WhatWasCountedInIsCountedOutWhateverItWas) {
  Resources huge, small, sum;
  huge.milli_cpu = huge.memory = huge.storage = huge.others["x.io/gpu"] = kLargest;
  small.memory = small.others["x.io/gpu"] = 5;
  sum.count_in(small);
  for (int i = 0; i < 3; ++i) sum.count_in(huge);
  for (int i = 0; i < 3; ++i) sum.count_out(huge);
  EXPECT_EQ(sum.milli_cpu, 0);
  EXPECT_EQ(sum.memory, 5);
  EXPECT_EQ(sum.storage, 0);
  EXPECT_EQ(sum.other("x.io/gpu"), 5);
  sum.count_out(small);
  EXPECT_TRUE(sum.others.empty()) << "nothing stays of what went";
}

}  // namespace
}  // namespace gantry::sdk
