// Who may own and write the folders of the daemon, and the ways to them. As root: files are given to others.
#include "core/files/private_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace gantry::files {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PrivateFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "gives files to other users";
    char name[] = "/tmp/gantry-folder-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    top_ = name;
    fs::create_directories(wanted());
    for (fs::path at = wanted(); at != "/tmp"; at = at.parent_path()) ASSERT_EQ(::chmod(at.c_str(), 0755), 0);
  }
  void TearDown() override { fs::remove_all(top_); }
  fs::path wanted() const { return top_ / "a" / "b"; }
  static std::string check(const fs::path& folder) {
    const auto status = check_private_folder(folder);
    return status.ok() ? "ok" : status.message();
  }

  fs::path top_;
};

TEST_F(PrivateFolderTest, RootsOwnIsFineBelowAStickyFolder) {
  EXPECT_EQ(check(wanted()), "ok");
  EXPECT_EQ(check(wanted() / "not" / "yet"), "ok");
}

TEST_F(PrivateFolderTest, AnotherOwnerIsRefusedAtEveryStep) {
  for (fs::path at = wanted(); at != "/tmp"; at = at.parent_path()) {
    ASSERT_EQ(::chown(at.c_str(), 65534, 65534), 0);
    const auto said = check(wanted());
    EXPECT_THAT(said, HasSubstr(at.string() + " belongs to user 65534"));
    EXPECT_THAT(said, HasSubstr("\"chown -h 0 " + at.string() + "\""));
    ASSERT_EQ(::chown(at.c_str(), 0, 0), 0);
  }
}

TEST_F(PrivateFolderTest, WritableByOthersIsRefusedAtEveryStep) {
  for (fs::path at = wanted(); at != "/tmp"; at = at.parent_path()) {
    for (const mode_t mode : {0775, 0757}) {
      ASSERT_EQ(::chmod(at.c_str(), mode), 0);
      EXPECT_THAT(check(wanted()), HasSubstr("\"chmod go-w " + at.string() + "\"")) << mode;
    }
    ASSERT_EQ(::chmod(at.c_str(), 01777), 0);
    EXPECT_EQ(check(wanted()) == "ok", at != wanted()) << "sticky helps what is below it only";
    ASSERT_EQ(::chmod(at.c_str(), 0755), 0);
  }
}

TEST_F(PrivateFolderTest, LinksAreFollowedAndLookedAt) {
  fs::create_directory(top_ / "other");
  fs::create_symlink("../other", top_ / "a" / "link");
  fs::create_symlink(top_ / "a" / "link", top_ / "far");
  EXPECT_EQ(check(top_ / "far"), "ok");
  ASSERT_EQ(::chmod((top_ / "other").c_str(), 0777), 0);
  EXPECT_THAT(check(top_ / "far"), HasSubstr((top_ / "other").string()));
  ASSERT_EQ(::chmod((top_ / "other").c_str(), 0755), 0);
  // On the way, not above the folder that it leads to.
  ASSERT_EQ(::chmod((top_ / "a").c_str(), 0777), 0);
  EXPECT_THAT(check(top_ / "far"), HasSubstr((top_ / "a").string()));
  ASSERT_EQ(::chmod((top_ / "a").c_str(), 0755), 0);
  ASSERT_EQ(::lchown((top_ / "a" / "link").c_str(), 65534, 65534), 0);
  EXPECT_THAT(check(top_ / "far"), HasSubstr("link belongs to user 65534"));
  fs::create_symlink(top_ / "round", top_ / "round");
  EXPECT_NE(check(top_ / "round"), "ok");
}

TEST_F(PrivateFolderTest, MakesNothingInAPlaceOfOthers) {
  ASSERT_EQ(::chmod(wanted().c_str(), 0777), 0);
  EXPECT_FALSE(ensure_private_folder(wanted() / "new").ok());
  EXPECT_FALSE(fs::exists(wanted() / "new"));
  ASSERT_EQ(::chmod(wanted().c_str(), 0755), 0);
  EXPECT_TRUE(ensure_private_folder(wanted() / "new" / "one").ok());
  struct stat info {};
  ASSERT_EQ(::stat((wanted() / "new" / "one").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  std::ofstream(wanted() / "file") << "x";
  EXPECT_THAT(check(wanted() / "file"), HasSubstr("is no folder"));
}

}  // namespace
}  // namespace gantry::files
