#include "conditions.hpp"

#include <gtest/gtest.h>

namespace gantry::namespaces {
namespace {

constexpr int64_t kNow = 1'700'000'000'000'000'000;

std::string told(const corev1::NamespaceStatus& status, const std::string& type) {
  for (const auto& condition : status.conditions()) {
    if (condition.type() == type) return condition.status() + " " + condition.reason() + ": " + condition.message();
  }
  return "none";
}

TEST(Conditions, AllIsWellWhenNothingIsLeft) {
  corev1::NamespaceStatus status;
  EXPECT_TRUE(set_conditions(status, {}, kNow));
  EXPECT_EQ(status.conditions_size(), 5);
  EXPECT_EQ(told(status, "NamespaceContentRemaining"), "False ContentRemoved: All content successfully removed");
  EXPECT_EQ(told(status, "NamespaceDeletionDiscoveryFailure"),
            "False ResourcesDiscovered: All resources successfully discovered");
  EXPECT_FALSE(set_conditions(status, {}, kNow + 5'000'000'000)) << "nothing new, nothing to write";
  EXPECT_EQ(status.conditions(0).last_transition_time().seconds(), kNow / 1'000'000'000);
}

TEST(Conditions, SayWhatRemainsAndWhatHoldsIt) {
  corev1::NamespaceStatus status;
  Pass pass;
  pass.remaining = {{"deployments.apps", 1}, {"pods.", 2}};
  pass.finalizers = {{"example.com/hold", 2}};
  EXPECT_TRUE(set_conditions(status, pass, kNow));
  EXPECT_EQ(
      told(status, "NamespaceContentRemaining"),
      "True SomeResourcesRemain: Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 "
      "resource instances");
  EXPECT_EQ(told(status, "NamespaceFinalizersRemaining"),
            "True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 2 "
            "resource instances");
  EXPECT_TRUE(set_conditions(status, {}, kNow + 1'000'000'000));
  EXPECT_EQ(told(status, "NamespaceContentRemaining").substr(0, 5), "False");
}

TEST(Conditions, SayWhatFailed) {
  corev1::NamespaceStatus status;
  Pass pass;
  pass.discovery_errors = {"no answer"};
  pass.delete_errors = {"no", "never"};
  pass.version_errors = {"unexpected GroupVersion string: a/b/c"};
  set_conditions(status, pass, kNow);
  EXPECT_EQ(told(status, "NamespaceDeletionDiscoveryFailure"),
            "True DiscoveryFailed: Discovery failed for some groups, 1 failing: no answer");
  EXPECT_EQ(told(status, "NamespaceDeletionContentFailure"),
            "True ContentDeletionFailed: Failed to delete all resource types, 2 remaining: no, never");
  EXPECT_EQ(told(status, "NamespaceDeletionGroupVersionParsingFailure"),
            "True GroupVersionParsingFailed: unexpected GroupVersion string: a/b/c");
}

}  // namespace
}  // namespace gantry::namespaces
