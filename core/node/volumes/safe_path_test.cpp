// What a pod leaves behind is its own doing.
#include "core/node/volumes/safe_path.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

TEST(RemoveTree, FoldersMayBeDeeperThanThereAreDescriptors) {
  char name[] = "/tmp/gantry-tree-XXXXXX";
  const fs::path dir = ::mkdtemp(name);
  io::UniqueFd at(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "raised-1", 0700), 0);
    ASSERT_TRUE(io::UniqueFd(::openat(at.get(), "raised-2", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)).valid());
    at.reset(::openat(at.get(), "raised-1", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at.valid());
  }
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{300, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto removed = remove_tree(dir);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(removed.ok()) << removed.message();
  EXPECT_FALSE(fs::exists(dir));
  EXPECT_TRUE(remove_tree(dir).ok());
}

}  // namespace
}  // namespace gantry::node
