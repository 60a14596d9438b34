#include "status.hpp"

#include <gtest/gtest.h>

#include "testing.hpp"

namespace gantry::daemonset {
namespace {

using daemonset::testing::Field;
using daemonset::testing::make_node;
using daemonset::testing::tainted;
using State = Field::State;

appsv1::DaemonSetStatus status_of(Field& field) {
  const auto view = field.view();
  return next_status(view, field.seats);
}

TEST(DaemonSetStatus, CountsNodes) {
  Field field;
  field.set.mutable_spec()->set_min_ready_seconds(10);
  for (const char* name : {"a", "b", "c", "d"}) field.nodes.push_back(make_node(name));
  field.nodes.push_back(tainted(make_node("e"), "t", "NoSchedule"));
  field.nodes.push_back(tainted(make_node("f"), "t", "NoSchedule"));
  field.add("a", "new");
  field.add("b", "old", State::kReady, 9);
  field.add("c", "new", State::kPending);
  field.add("e", "new");
  field.add("gone", "new");
  field.set.mutable_status()->set_collision_count(2);
  const auto status = status_of(field);
  EXPECT_EQ(status.desired_number_scheduled(), 4);
  EXPECT_EQ(status.current_number_scheduled(), 3);
  EXPECT_EQ(status.number_misscheduled(), 1);
  EXPECT_EQ(status.number_ready(), 2);
  EXPECT_EQ(status.number_available(), 1);
  EXPECT_EQ(status.number_unavailable(), 3);
  EXPECT_EQ(status.updated_number_scheduled(), 2);
  EXPECT_EQ(status.observed_generation(), 3);
  EXPECT_EQ(status.collision_count(), 2);
}

// Of two pods on a node the older is looked at: while the new one comes, the old one serves.
TEST(DaemonSetStatus, CountsEachNodeOnce) {
  Field field;
  field.nodes = {make_node("a")};
  field.add("a", "new", State::kRunning, 5);
  field.add("a", "old", State::kReady, 500);
  const auto status = status_of(field);
  EXPECT_EQ(status.current_number_scheduled(), 1);
  EXPECT_EQ(status.number_ready(), 1);
  EXPECT_EQ(status.updated_number_scheduled(), 0);
}

TEST(DaemonSetStatus, EachCountIsADifference) {
  using Status = appsv1::DaemonSetStatus;
  const Status none;
  EXPECT_TRUE(same_status(none, Status()));
  const auto differs = [&](auto set) {
    Status other;
    set(other);
    return !same_status(none, other);
  };
  EXPECT_TRUE(differs([](Status& s) { s.set_current_number_scheduled(1); }));
  EXPECT_TRUE(differs([](Status& s) { s.set_number_misscheduled(1); }));
  EXPECT_TRUE(differs([](Status& s) { s.set_desired_number_scheduled(1); }));
  EXPECT_TRUE(differs([](Status& s) { s.set_number_ready(1); }));
  EXPECT_TRUE(differs([](Status& s) { s.set_updated_number_scheduled(1); }));
  EXPECT_TRUE(differs([](Status& s) { s.set_number_available(1); }));
  EXPECT_TRUE(differs([](Status& s) { s.set_number_unavailable(1); }));
  EXPECT_TRUE(differs([](Status& s) { s.set_observed_generation(1); }));
  EXPECT_TRUE(differs([](Status& s) { s.set_collision_count(1); }));
}

}  // namespace
}  // namespace gantry::daemonset
