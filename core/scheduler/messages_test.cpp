#include "core/scheduler/messages.hpp"

#include <gtest/gtest.h>

namespace gantry::scheduler {
namespace {

TEST(Messages, FitErrorCountsAndSorts) {
  EXPECT_EQ(fit_error(3, {{"Insufficient cpu", 2}, {"Too many pods", 1}}),
            "0/3 nodes are available: 1 Too many pods, 2 Insufficient cpu.");
}

}  // namespace
}  // namespace gantry::scheduler
