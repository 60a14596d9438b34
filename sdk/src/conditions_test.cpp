#include "gantry/conditions.hpp"

#include <gtest/gtest.h>

#include "k8s.io/api/apps/v1/replica_set.pb.h"

namespace gantry::sdk {
namespace {

using Condition = appsv1::ReplicaSetCondition;

Condition condition(const std::string& type, const std::string& status, const std::string& message = "") {
  Condition made;
  made.set_type(type);
  made.set_status(status);
  made.set_message(message);
  return made;
}

constexpr int64_t at(int64_t seconds) { return seconds * kNanosPerSecond; }

TEST(Conditions, TheTimeIsThatOfTheLastChangeOfTheStatus) {
  google::protobuf::RepeatedPtrField<Condition> all;
  EXPECT_TRUE(set_condition(all, condition("Ready", "False", "starts"), at(10)));
  EXPECT_FALSE(set_condition(all, condition("Ready", "False", "starts"), at(20)));
  EXPECT_TRUE(set_condition(all, condition("Ready", "False", "still starts"), at(30)));
  ASSERT_EQ(all.size(), 1);
  EXPECT_EQ(all[0].message(), "still starts");
  EXPECT_EQ(all[0].last_transition_time().seconds(), 10);
  EXPECT_TRUE(set_condition(all, condition("Ready", "True"), at(40)));
  EXPECT_EQ(all[0].last_transition_time().seconds(), 40);
  auto own = condition("Ready", "False");
  *own.mutable_last_transition_time() = to_time(at(35));
  EXPECT_TRUE(set_condition(all, own, at(50)));
  EXPECT_EQ(all[0].last_transition_time().seconds(), 35);
}

TEST(Conditions, OthersStay) {
  google::protobuf::RepeatedPtrField<Condition> all;
  set_condition(all, condition("A", "True"), at(1));
  set_condition(all, condition("B", "False"), at(2));
  set_condition(all, condition("A", "False"), at(3));
  ASSERT_EQ(all.size(), 2);
  EXPECT_FALSE(is_condition_true(all, "A"));
  EXPECT_FALSE(is_condition_true(all, "C"));
  EXPECT_EQ(find_condition(all, "B")->last_transition_time().seconds(), 2);
  EXPECT_TRUE(remove_condition(all, "A"));
  EXPECT_FALSE(remove_condition(all, "A"));
  ASSERT_EQ(all.size(), 1);
  EXPECT_EQ(all[0].type(), "B");
}

}  // namespace
}  // namespace gantry::sdk
