#include "core/files/aside.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace gantry::files {
namespace {

struct Aside : testing::Test {
  Aside() {
    char name[] = "/tmp/gantry-aside-XXXXXX";
    dir = ::mkdtemp(name);
    write("new");
  }
  ~Aside() override { std::filesystem::remove_all(dir); }
  std::string path() const { return dir + "/file"; }
  std::string old() const { return dir + "/file.old"; }
  void write(const std::string& text) const { std::ofstream(path()) << text; }
  static std::string text(const std::string& of) {
    std::ifstream in(of);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  size_t count() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(dir), {})); }
  std::string dir;
};

TEST_F(Aside, BothNamesHaveIt) {
  std::ofstream(old()) << "older";
  ASSERT_TRUE(keep_aside(path(), old()).ok());
  EXPECT_EQ(text(path()), "new");
  EXPECT_EQ(text(old()), "new");
  EXPECT_EQ(count(), 2U);
}

// As after an end between that and what was to follow.
TEST_F(Aside, ASecondTimeNothingIsLeftOver) {
  ASSERT_TRUE(keep_aside(path(), old()).ok());
  ASSERT_TRUE(keep_aside(path(), old()).ok());
  EXPECT_EQ(text(path()), "new");
  EXPECT_EQ(count(), 2U);
}

// Its name was taken by something that can't be a second name of it: a link to a file is one of a kind.
TEST_F(Aside, WhatCanNotBeKeptIsSaid) {
  EXPECT_FALSE(keep_aside(dir + "/none", old()).ok());
  std::filesystem::create_directory(old());
  EXPECT_FALSE(keep_aside(path(), old()).ok());
  EXPECT_EQ(text(path()), "new");
  EXPECT_EQ(count(), 2U);
}

// /proc has no second names: what is there is copied.
TEST_F(Aside, ItIsCopiedFromAFileSystemWithoutSecondNames) {
  ASSERT_TRUE(keep_aside("/proc/version", old()).ok());
  EXPECT_EQ(text(old()), text("/proc/version"));
  struct stat found {};
  ASSERT_EQ(::stat(old().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  EXPECT_EQ(count(), 2U);
}

}  // namespace
}  // namespace gantry::files
