// Pods' cgroups in folders that stand for a hierarchy.
#include "core/node/machine/cgroups.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "core/files/unique_fd.hpp"

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

class CgroupsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pattern = (fs::temp_directory_path() / "gantry-cgroups-XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
    cgroups_ = std::make_unique<Cgroups>("gantry", Cgroups::Mounts{{{"pids", base_}}, {}});
    pod_ = base_ / "gantry/besteffort/poduid";
    fs::create_directories(pod_);
  }
  void TearDown() override { fs::remove_all(base_); }

  fs::path base_, pod_;
  std::unique_ptr<Cgroups> cgroups_;
};

// Deeper than a path is long, than there are descriptors, and than a stack would bear much of.
TEST_F(CgroupsTest, ATreeOfAnyDepthIsRemoved) {
  constexpr int kDeep = 1'500;
  io::UniqueFd at(::open(pod_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < kDeep; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "aside", 0755), 0) << i;
    ASSERT_EQ(::mkdirat(at.get(), "below", 0755), 0) << i;
    at = io::UniqueFd(::openat(at.get(), "below", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  at = io::UniqueFd();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto removed = cgroups_->remove("uid");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(removed.ok()) << removed.message();
  EXPECT_FALSE(fs::exists(pod_));
  EXPECT_TRUE(cgroups_->known().empty());
}

TEST_F(CgroupsTest, WhatIsBusyIsToldAndTheRestGoes) {
  for (const char* name : {"a/inner", "busy/inner", "c/inner"}) fs::create_directories(pod_ / name);
  std::ofstream(pod_ / "busy/inner/process") << "";  // stands for one: the folder can't be removed
  const auto removed = cgroups_->remove("uid");
  EXPECT_EQ(removed.message(), "remove " + (pod_ / ".../inner").string() + ": Directory not empty");
  EXPECT_FALSE(fs::exists(pod_ / "a"));
  EXPECT_TRUE(fs::exists(pod_ / "busy/inner"));
  EXPECT_FALSE(fs::exists(pod_ / "c"));
  EXPECT_EQ(cgroups_->known(), std::vector<std::string>{"uid"});
}

TEST_F(CgroupsTest, WhatIsGoneIsRemoved) { EXPECT_TRUE(cgroups_->remove("another").ok()); }

}  // namespace
}  // namespace gantry::node
