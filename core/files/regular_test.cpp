#include "core/files/regular.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace gantry::files {
namespace {

TEST(Regular, WhatIsThereAndIsNoFileIsRefused) {
  char name[] = "/tmp/gantry-files-XXXXXX";
  const std::string dir = ::mkdtemp(name);
  std::ofstream(dir + "/file") << "text";
  ASSERT_EQ(::mkfifo((dir + "/fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("fifo", dir + "/link");
  EXPECT_TRUE(regular_if_there(dir + "/file").ok());
  EXPECT_TRUE(regular_if_there(dir + "/none").ok());
  for (const std::string& wrong : {dir + "/fifo", dir + "/link", dir, std::string("/dev/null")}) {
    EXPECT_EQ(regular_if_there(wrong).message(), wrong + ": is not a regular file");
  }
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace gantry::files
