// One layer over others: where its names lead, and what it may not do. Run as root.
#include "layer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mounts.hpp"
#include "test_image.hpp"

namespace gantry::oci::test {
namespace {

Entry hard_link(const std::string& name, const std::string& to) { return {name, {}, {}, to, 0755, 'h'}; }
Entry whiteout(const std::string& name) { return {name, ""}; }

class LayerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    base_ = fs::temp_directory_path() / ("gantry-layer-" + random_id().substr(0, 12));
    fs::create_directories(base_ / "outside");
  }
  void TearDown() override {
    if (base_.empty()) return;
    EXPECT_TRUE(fs::is_empty(base_ / "outside"));
    EXPECT_TRUE(unmount_below(base_).ok());
    fs::remove_all(base_);
  }
  Expected<Unpacked> unpack(const std::string& bytes, uint64_t max_bytes = 1 << 30) {
    layers_.push_back(base_ / ("layer" + std::to_string(layers_.size())));
    fs::create_directory(layers_.back());
    const auto file = memory_file(bytes);
    return unpack_layer(file.get(), layers_.back(), {layers_.begin(), layers_.end() - 1}, max_bytes);
  }
  // A layer on top of those before it; its folder.
  fs::path add(const std::vector<Entry>& entries) {
    const auto unpacked = unpack(tar(entries));
    EXPECT_TRUE(unpacked.ok()) << unpacked.error().message();
    alone_ = unpacked && unpacked->stands_alone;
    return layers_.back();
  }
  void expect_refused(const std::vector<Entry>& entries, const std::string& why, int code = 400) {
    const auto unpacked = unpack(tar(entries));
    ASSERT_FALSE(unpacked.ok()) << why;
    EXPECT_EQ(unpacked.error().code(), code);
    EXPECT_NE(unpacked.error().message().find(why), std::string::npos) << unpacked.error().message();
    fs::remove_all(layers_.back());
    layers_.pop_back();
  }
  // All layers as a container sees them.
  fs::path merged() {
    for (const auto* part : {"upper", "work", "merged"}) fs::create_directory(base_ / part);
    const auto status = mount_overlay(layers_, base_ / "upper", base_ / "work", base_ / "merged");
    EXPECT_TRUE(status.ok()) << status.message();
    return base_ / "merged";
  }
  static std::string text(const fs::path& path) {
    const auto got = read_file(path);
    return got ? *got : got.error().message();
  }
  static struct stat info(const fs::path& path) {
    struct stat out {};
    EXPECT_EQ(::lstat(path.c_str(), &out), 0) << path;
    return out;
  }
  static bool opaque(const fs::path& path) {
    char value = 0;
    return ::getxattr(path.c_str(), "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
  }

  fs::path base_;
  std::vector<fs::path> layers_;
  bool alone_ = false;
};

TEST_F(LayerTest, FollowsLinksWithinTheRootOfTheImage) {
  add({folder("tmp"), folder("usr/lib"), link("lib", "usr/lib"), link("up", "../../../../tmp"),
       link("far", "/lib/../lib"), link("nowhere", "/not/there/yet")});
  add({link("s", "tmp"),
       {"s/a", "own link, folder below"},
       folder("real"),
       link("abs", "/real"),
       {"abs/b", "absolute"}});
  EXPECT_FALSE(alone_);
  const auto top = add({{"lib/c", "link below"}, {"up/d", "dots"}, {"far/deep/e", "two links"}, {"nowhere/f", "made"}});
  EXPECT_FALSE(alone_);
  const auto root = merged();
  EXPECT_EQ(text(root / "tmp/a"), "own link, folder below");
  EXPECT_EQ(text(root / "real/b"), "absolute");
  EXPECT_EQ(text(root / "usr/lib/c"), "link below");
  EXPECT_EQ(fs::read_symlink(root / "lib"), "usr/lib");
  EXPECT_EQ(text(root / "tmp/d"), "dots");
  EXPECT_EQ(text(root / "usr/lib/deep/e"), "two links");
  EXPECT_EQ(text(root / "not/there/yet/f"), "made");
  EXPECT_FALSE(fs::exists(top / "lib"));
  EXPECT_FALSE(fs::exists("/not/there"));
}

TEST_F(LayerTest, AHostileLinkEndsInTheRoot) {
  const auto outside = (base_ / "outside").string();
  const auto below = add({link("out", outside), link("dots", std::string(40, '.') + "/../../../../../" + outside)});
  add({{"out/evil", "x"},
       link("own", outside),
       {"own/evil2", "x"},
       link("own2", "../../outside"),
       {"own2/evil3", "x"},
       {"own2/.wh.gone", ""},
       hard_link("own2/evil4", "own/evil2")});
  const auto root = merged();
  EXPECT_EQ(text(fs::path(root.string() + outside) / "evil"), "x");
  EXPECT_EQ(text(fs::path(root.string() + outside) / "evil2"), "x");
  EXPECT_EQ(text(root / "outside/evil3"), "x");
  EXPECT_EQ(text(root / "outside/evil4"), "x");
  EXPECT_EQ(std::distance(fs::directory_iterator(below), {}), 2);
}

TEST_F(LayerTest, AFolderThatIsMadeIsLikeTheOneBelow) {
  add({folder("tmp", 01777, 5), folder("var", 0750, 6)});
  add({{"tmp/a", "x"}, {"new/b", "x"}, {"var/lib/c", "x"}});
  EXPECT_FALSE(alone_);
  const auto root = merged();
  EXPECT_EQ(info(root / "tmp").st_mode & 07777, 01777u);
  EXPECT_EQ(info(root / "tmp").st_uid, 5u);
  EXPECT_EQ(info(root / "tmp").st_gid, 5u);
  EXPECT_EQ(info(root / "tmp").st_mtime, 1700000000);
  EXPECT_EQ(info(root / "var").st_mode & 07777, 0750u);
  EXPECT_EQ(info(root / "var/lib").st_mode & 07777, 0755u);
  EXPECT_EQ(info(root / "new").st_uid, 0u);
}

TEST_F(LayerTest, KnowsWhenItStandsAlone) {
  add({{"a/b/c", "nothing below"}});
  EXPECT_TRUE(alone_);
  add({folder("a"), {"a/d", "x"}, folder("n/"), link("l", "a"), {"l/e", "x"}, hard_link("l/f", "a/d"), {"g", "x"}});
  EXPECT_TRUE(alone_);
  add({{"other/h", "a folder below might have been a link"}});
  EXPECT_FALSE(alone_);
}

TEST_F(LayerTest, WhatALayerHidesIsNotFollowed) {
  add({folder("d", 0700, 7), {"d/old", "x"}, link("l", "d"), folder("o"), {"o/old", "x"}});
  add({whiteout(".wh.d"), whiteout(".wh.l"), folder("o"), whiteout("o/.wh..wh..opq")});
  const auto top = add({{"d/new", "x"}, {"l/new", "x"}, {"o/new", "x"}});
  const auto root = merged();
  EXPECT_EQ(info(top / "d").st_uid, 0u);
  EXPECT_FALSE(fs::exists(root / "d/old"));
  EXPECT_TRUE(fs::is_directory(root / "l"));
  EXPECT_FALSE(fs::exists(root / "o/old"));
  for (const auto* name : {"d/new", "l/new", "o/new"}) EXPECT_EQ(text(root / name), "x") << name;
}

TEST_F(LayerTest, AFolderInPlaceOfAWhiteoutHidesToo) {
  add({folder("before"),
       {"before/old", "x"},
       folder("after"),
       {"after/old", "x"},
       folder("implicit"),
       {"implicit/old", "x"},
       folder("file"),
       {"file/old", "x"},
       folder("kept"),
       {"kept/old", "x"}});
  const auto top = add({whiteout(".wh.before"),
                        folder("before"),
                        folder("after"),
                        whiteout(".wh.after"),
                        whiteout(".wh.implicit"),
                        {"implicit/new", "x"},
                        {"file", "x"},
                        folder("file"),
                        folder("kept"),
                        {"same", "x"},
                        whiteout(".wh.same")});
  for (const auto* name : {"before", "after", "implicit", "file"}) EXPECT_TRUE(opaque(top / name)) << name;
  EXPECT_FALSE(opaque(top / "kept"));
  const auto root = merged();
  for (const auto* name : {"before/old", "after/old", "implicit/old", "file/old"})
    EXPECT_FALSE(fs::exists(root / name)) << name;
  EXPECT_EQ(text(root / "kept/old"), "x");
  EXPECT_EQ(text(root / "same"), "x");  // a whiteout is about the layers below
}

TEST_F(LayerTest, WhiteoutsPassLinksAndMayHideEverything) {
  add({folder("usr/lib"),
       {"usr/lib/gone", "x"},
       {"usr/lib/stays", "x"},
       link("lib", "usr/lib"),
       folder("o"),
       {"o/x", "x"},
       link("p", "/o")});
  add({whiteout("lib/.wh.gone"), whiteout("p/.wh..wh..opq")});
  {
    const auto root = merged();
    EXPECT_FALSE(fs::exists(root / "usr/lib/gone"));
    EXPECT_EQ(text(root / "usr/lib/stays"), "x");
    EXPECT_TRUE(fs::is_empty(root / "o"));
    EXPECT_TRUE(unmount(root).ok());
  }
  add({folder("usr"), {"first", "x"}, whiteout(".wh..wh..opq"), folder("o"), {"second", "x"}});
  const auto root = merged();
  EXPECT_TRUE(fs::is_empty(root / "usr"));
  EXPECT_TRUE(fs::is_empty(root / "o"));
  EXPECT_FALSE(fs::is_symlink(root / "lib"));
  EXPECT_EQ(text(root / "first") + text(root / "second"), "xx");
}

TEST_F(LayerTest, HardLinksLeadWhereAWholeImageWouldHaveThem) {
  add({folder("usr/bin"), {"usr/bin/tool", "tool", {}, {}, 04755, 'f', 3, 4}, link("bin", "usr/bin"), {"hidden", "x"}});
  const auto top = add({hard_link("below", "bin/tool"),
                        folder("own"),
                        {"own/a", "a"},
                        link("way", "own"),
                        hard_link("way/b", "way/a"),
                        hard_link("own/a", "own/a")});
  EXPECT_EQ(text(top / "below"), "tool");
  EXPECT_EQ(info(top / "below").st_mode & 07777, 04755u);
  EXPECT_EQ(info(top / "below").st_uid, 3u);
  EXPECT_EQ(info(top / "below").st_ino, info(top / "usr/bin/tool").st_ino);
  EXPECT_EQ(info(top / "own/b").st_ino, info(top / "own/a").st_ino);
  expect_refused({hard_link("a", "missing")}, "not in the image");
  expect_refused({hard_link("a", "usr")}, "which is not in the image");
  expect_refused({folder("d"), hard_link("a", "d")}, "links to a folder");
  expect_refused({hard_link("a", "a")}, "not in the image");
  expect_refused({whiteout(".wh.hidden"), hard_link("a", "hidden")}, "not in the image");
  expect_refused({hard_link("a", "bin/../../../etc/passwd")}, "leads elsewhere");
}

TEST_F(LayerTest, RefusesNamesThatLeadNowhere) {
  add({link("a", "b"), link("b", "/a"), {"file", "x"}, link("to-file", "file")});
  expect_refused({{"a/x", "x"}}, "too many links");
  expect_refused({link("self", "self"), {"self/x", "x"}}, "too many links");
  expect_refused({{"file/x", "x"}}, "passes through a file");
  expect_refused({{"to-file/x", "x"}}, "passes through a file");
  expect_refused({{"x/../y", "x"}}, "leads elsewhere");
  expect_refused({{std::string(300, 'x'), "x"}}, "too long");
  expect_refused({{std::string(300, 'x') + "/y", "x"}}, "too long");
  std::string deep;
  for (int i = 0; i < 256; i++) deep += "d/";
  expect_refused({{deep + "d/file", "x"}}, "too deep");
  add({{deep + "file", "x"}});
  // Links don't make it deeper either.
  expect_refused({link("l", deep), {"l/d/file", "x"}}, "too deep");
  std::string message = "\x1b[31m" + std::string(3000, 'y');
  expect_refused({{message + "/../z", "x"}}, "\"?[31myyy");
}

TEST_F(LayerTest, AnEntryTakesThePlaceOfAnEarlierOne) {
  const auto top = add({folder("d"),
                        {"d/a/b", "x"},
                        {"d", "file now"},
                        {"f", "x"},
                        folder("f"),
                        {"f/g", "x"},
                        link("l", "d"),
                        folder("l"),
                        {"l/m", "x"}});
  EXPECT_EQ(text(top / "d"), "file now");
  EXPECT_EQ(text(top / "f/g"), "x");
  EXPECT_EQ(text(top / "l/m"), "x");
}

TEST_F(LayerTest, ASparseFileCountsInFullAndKeepsItsHoles) {
  const auto fits = unpack(sparse_tar("sparse", 8 << 20), 16 << 20);
  ASSERT_TRUE(fits.ok()) << fits.error().message();
  const auto file = info(layers_.back() / "sparse");
  EXPECT_EQ(file.st_size, 8 << 20);
  EXPECT_LT(file.st_blocks * 512, 1 << 20);
  const auto big = unpack(sparse_tar("sparse", int64_t{1} << 40), 16 << 20);
  ASSERT_FALSE(big.ok());
  EXPECT_EQ(big.error().code(), 413);
}

TEST_F(LayerTest, TheMapOfASparseFileIsBounded) {
  const auto fine = unpack(sparse_tar("sparse", int64_t{1} << 20, 2000));
  EXPECT_TRUE(fine.ok()) << fine.error().message();
  const auto map = unpack(sparse_tar("sparse", int64_t{1} << 34, 1 << 20));
  ASSERT_FALSE(map.ok());
  EXPECT_NE(map.error().message().find("header"), std::string::npos) << map.error().message();
}

TEST_F(LayerTest, OverlayTakesAsManyLayersAsTheKernelDoes) {
  for (size_t i = 0; i < kMaxLayers; i++) {
    // Names as long as those of the store.
    layers_.push_back(base_ / (std::string(60, 'l') + std::to_string(1000 + i)));
    fs::create_directory(layers_.back());
  }
  ASSERT_TRUE(write_file_atomic(layers_.front() / "lowest", "x").ok());
  ASSERT_TRUE(write_file_atomic(layers_.back() / "highest", "x").ok());
  const auto root = merged();
  EXPECT_EQ(text(root / "lowest") + text(root / "highest"), "xx");
  EXPECT_FALSE(fs::exists(root.string() + ".mount"));
  EXPECT_TRUE(unmount(root).ok());
  layers_.push_back(base_ / "one-more");
  fs::create_directory(layers_.back());
  const auto refused = mount_overlay(layers_, base_ / "upper", base_ / "work", base_ / "merged");
  EXPECT_EQ(refused.code(), 400);
  EXPECT_NE(refused.message().find("501 layers"), std::string::npos) << refused.message();
}

}  // namespace
}  // namespace gantry::oci::test
