#include "core/daemon/regular_file.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace gantry::daemon {
namespace {

TEST(RegularFile, IsOpenedAndNothingElseIs) {
  char name[] = "/tmp/gantry-regular-XXXXXX";
  const std::string dir = ::mkdtemp(name);
  std::ofstream(dir + "/file") << "text";
  ASSERT_EQ(::mkfifo((dir + "/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("file", (dir + "/link").c_str()), 0);
  for (const char* good : {"/file", "/link"}) {
    const auto file = open_regular_file(dir + good);
    ASSERT_TRUE(file.ok()) << file.error().message();
    char text[8];
    EXPECT_EQ(::read(file->get(), text, sizeof(text)), 4);
  }
  EXPECT_EQ(open_regular_file(dir + "/fifo").error().message(), dir + "/fifo: is not a regular file");
  EXPECT_EQ(open_regular_file(dir).error().code(), 400);
  EXPECT_EQ(open_regular_file("/dev/null").error().code(), 400);
  EXPECT_EQ(open_regular_file(dir + "/none").error().message(), dir + "/none: No such file or directory");
  EXPECT_EQ(open_regular_file(dir + "/none").error().code(), 404);
  EXPECT_EQ(open_regular_file(dir + "/file/x").error().code(), 404);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace gantry::daemon
