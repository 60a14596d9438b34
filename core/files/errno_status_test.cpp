#include "core/files/errno_status.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace gantry::files {
namespace {

TEST(StatusOfErrno, SaysWhetherItMayDoLater) {
  EXPECT_EQ(status_of_errno("f", EMFILE).message(), "f: Too many open files");
  EXPECT_EQ(status_of_errno("f", EMFILE).code(), 503);
  EXPECT_EQ(status_of_errno("f", ENOSPC).code(), 503);
  EXPECT_EQ(status_of_errno("f", ENOENT).code(), 404);
  EXPECT_EQ(status_of_errno("f", EACCES).code(), 403);
  EXPECT_EQ(status_of_errno("f", EIO).code(), 500);
}

}  // namespace
}  // namespace gantry::files
