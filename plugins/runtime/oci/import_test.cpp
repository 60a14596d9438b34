// Importing images: which of an index, under which name, how its layers are kept, and what an archive can't do. Run as
// root.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "image_fixture.hpp"
#include "mounts.hpp"
#include "platform.hpp"

namespace gantry::oci::test {
namespace {

using ImportTest = ImageTest;

ImageSpec image_of(std::vector<std::string> layers, const std::string& name) {
  ImageSpec image;
  image.name = name;
  image.layers = std::move(layers);
  return image;
}

TEST_F(ImportTest, TheSameLayerTwiceIsTwoFolders) {
  const auto base = tar({{"a", "a"}}), x = tar({{"x", "1"}}), no_x = tar({{".wh.x", ""}});
  const auto archive = tar(docker_layout(image_of({base, x, no_x, x, x}, "case.local/twice:1")));
  for (int times = 0; times < 2; times++) ASSERT_TRUE(import(archive).ok());
  const auto layers = store_->find("case.local/twice:1")->layers;
  ASSERT_EQ(layers.size(), 5u);
  EXPECT_EQ(layers[1], sha256_hex(x));
  EXPECT_EQ(std::set<std::string>(layers.begin(), layers.end()).size(), 5u);
  const auto folders = [&] { return std::distance(fs::directory_iterator(base_ / "images/layers"), {}); };
  EXPECT_EQ(folders(), 5);
  std::vector<fs::path> paths;
  for (const auto& layer : layers) paths.push_back(store_->layer_path(layer));
  for (const auto* part : {"upper", "work", "merged"}) fs::create_directory(base_ / part);
  const auto status = mount_overlay(paths, base_ / "upper", base_ / "work", base_ / "merged");
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(*read_file(base_ / "merged/x"), "1");
  EXPECT_EQ(*read_file(base_ / "merged/a"), "a");
  EXPECT_TRUE(unmount(base_ / "merged").ok());
  // Others share what stands alone; the copies are this image's.
  ASSERT_TRUE(import(tar(docker_layout(image_of({base, x}, "case.local/other:1")))).ok());
  EXPECT_EQ(folders(), 5);
  EXPECT_TRUE(store_->remove("case.local/twice:1").ok());
  EXPECT_EQ(folders(), 2);
}

TEST_F(ImportTest, AFolderByDiffIdOfAnOlderStoreIsUsed) {
  const auto base = tar({folder("d")}), top = tar({{"d/file", "x"}});
  fs::create_directories(store_->layer_path(sha256_hex(top)) / "d");
  ASSERT_TRUE(import(tar(docker_layout(image_of({base, top}, "case.local/old:1")))).ok());
  EXPECT_EQ(store_->find("case.local/old:1")->layers[1], sha256_hex(top));
}

TEST_F(ImportTest, ALayerThatDependsOnThoseBelowIsNotShared) {
  const auto top = tar({{"s/file", "x"}});
  ASSERT_TRUE(import(tar(docker_layout(image_of({tar({link("s", "one")}), top}, "case.local/one:1")))).ok());
  ASSERT_TRUE(import(tar(docker_layout(image_of({tar({link("s", "two")}), top}, "case.local/two:1")))).ok());
  const auto one = store_->find("case.local/one:1")->layers[1], two = store_->find("case.local/two:1")->layers[1];
  EXPECT_NE(one, two);
  EXPECT_EQ(*read_file(store_->layer_path(one) / "one/file"), "x");
  EXPECT_EQ(*read_file(store_->layer_path(two) / "two/file"), "x");
  EXPECT_EQ(one, sha256_hex("sha256:" + sha256_hex(tar({link("s", "one")})) + " sha256:" + sha256_hex(top)));
}

TEST_F(ImportTest, MoreLayersThanCanBeMountedAreRefused) {
  ImageSpec image;
  image.layers.assign(501, tar({{"x", "1"}}));
  const auto imported = import(tar(docker_layout(image)));
  ASSERT_FALSE(imported.ok());
  EXPECT_EQ(imported.error().code(), 400);
  EXPECT_EQ(imported.error().message(), "the image has 501 layers; overlayfs takes at most 500");
  EXPECT_TRUE(fs::is_empty(base_ / "images/layers"));
}

TEST_F(ImportTest, TakesTheFirstManifestThatFits) {
  const auto which = [&](const std::vector<std::string>& variants) {
    std::vector<ImageSpec> images;
    for (const auto& variant : variants) {
      ImageSpec image;
      image.name.clear();
      image.layers = {tar({{"which", std::to_string(images.size())}})};
      image.variant = variant;
      images.push_back(image);
    }
    const auto imported = import(tar(index_layout("case.local/index:1", images)));
    if (!imported) return imported.error().message();
    EXPECT_EQ(imported->size(), 1u);
    EXPECT_EQ(imported->at(0).name, "case.local/index:1");
    const auto found = store_->find("case.local/index:1");
    EXPECT_EQ(found->id, imported->at(0).id);
    return *read_file(store_->layer_path(found->layers[0]) / "which");
  };
  EXPECT_EQ(which({"", ""}), "0");
  EXPECT_EQ(which({"v99", "", ""}), "1");
  EXPECT_EQ(which({"", "v99"}), "0");
  EXPECT_EQ(which({"v99"}), "the archive holds no image for " + this_platform().text());
}

TEST_F(ImportTest, SeveralNamesAreSeveralImages) {
  std::vector<Entry> files;
  for (const auto* name : {"case.local/a:1", "case.local/b:1"}) {
    const auto one = docker_layout(image_of({tar({{"x", name}})}, name));
    for (const auto& file : one) {
      if (file.name != "manifest.json") files.push_back(file);
      if (file.name.ends_with("layer.tar")) files.back().name = std::string(name) + ".tar";
    }
  }
  files.push_back(
      {"manifest.json",
       R"([{"Config":")" + files[1].name + R"(","RepoTags":["case.local/a:1"],"Layers":["case.local/a:1.tar"]},
                    {"Config":")" +
           files[3].name + R"(","RepoTags":["case.local/b:1","case.local/c:1"],"Layers":["case.local/b:1.tar"]}])"});
  const auto imported = import(tar(files));
  ASSERT_TRUE(imported.ok()) << imported.error().message();
  ASSERT_EQ(imported->size(), 3u);
  EXPECT_EQ(imported->at(2).name, "case.local/c:1");
  EXPECT_EQ(store_->list().size(), 2u);
}

TEST_F(ImportTest, ANameThatIsNoneIsRefusedBeforeAnythingIsDone) {
  for (const std::string name :
       {"${APP_IMAGE}:1", "https://example.com/a", "Repo/App:1", "a b:1", "x\nFORGED: line:1"}) {
    for (const bool docker : {false, true}) {
      const auto image = image_of({tar({{"x", "1"}})}, name);
      const auto imported = import(tar(docker ? docker_layout(image) : oci_layout(image)));
      ASSERT_FALSE(imported.ok()) << name;
      EXPECT_EQ(imported.error().code(), 400);
      EXPECT_NE(imported.error().message().find("couldn't parse image name"), std::string::npos);
      EXPECT_EQ(imported.error().message().find('\n'), std::string::npos);
    }
  }
  EXPECT_EQ(import(tar(oci_layout(image_of({tar({{"x", "1"}})}, ""))), "No Name").error().code(), 400);
  EXPECT_TRUE(fs::is_empty(base_ / "images/layers"));
}

TEST(Platforms, TheBaselineOfAnArchitecture) {
  const auto amd64 = platform_of_machine("x86_64"), arm64 = platform_of_machine("aarch64"),
             arm = platform_of_machine("armv7l");
  EXPECT_EQ(amd64.text(), "linux/amd64");
  EXPECT_EQ(arm64.text(), "linux/arm64");
  EXPECT_EQ(arm.text(), "linux/arm/v7");
  EXPECT_EQ(platform_of_machine("riscv64").text(), "linux/riscv64");
  for (const auto* variant : {"", "v1", "1"}) EXPECT_EQ(suits({"linux", "amd64", variant}, amd64), 0) << variant;
  for (const auto* variant : {"v2", "v3", "v4", "x"})
    EXPECT_FALSE(suits({"linux", "amd64", variant}, amd64)) << variant;
  for (const auto* variant : {"", "v8", "8"}) EXPECT_EQ(suits({"Linux", "aarch64", variant}, arm64), 0) << variant;
  EXPECT_FALSE(suits({"linux", "arm64", "v9"}, arm64));
  EXPECT_EQ(suits({"linux", "arm", ""}, arm), 0);
  EXPECT_EQ(suits({"linux", "armhf", ""}, arm), 0);
  EXPECT_EQ(suits({"linux", "armel", ""}, arm), 1);
  EXPECT_EQ(suits({"linux", "arm", "v5"}, arm), 2);
  EXPECT_FALSE(suits({"linux", "arm", "v8"}, arm));
  EXPECT_FALSE(suits({"linux", "arm", "v4"}, arm));
  EXPECT_FALSE(suits({"windows", "amd64", ""}, amd64));
  EXPECT_FALSE(suits({"linux", "arm64", ""}, amd64));
  EXPECT_FALSE(suits({"", "", ""}, amd64));
}

TEST_F(ImportTest, OnlyARegularFileIsRead) {
  fs::create_directories(base_);
  const auto fifo = base_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  // Open for writing too, so that a reader would wait for ever.
  const Fd pipe(::open(fifo.c_str(), O_RDWR | O_CLOEXEC)), null(::open("/dev/zero", O_RDONLY | O_CLOEXEC)),
      dir(::open(base_.c_str(), O_RDONLY | O_CLOEXEC));
  for (const auto* fd : {&pipe, &null, &dir}) {
    const auto imported = store_->import(fd->get(), "case.local/a:1");
    ASSERT_FALSE(imported.ok());
    EXPECT_EQ(imported.error().message(), "the image archive is not a regular file");
  }
}

TEST_F(ImportTest, AFullDiskLeavesNothingBehind) {
  const auto disk = base_ / "disk";
  fs::create_directories(disk);
  ASSERT_EQ(::mount("disk", disk.c_str(), "tmpfs", 0, "size=1m"), 0);
  {
    auto made = ImageStore::open(disk / "images", 1 << 30, [] { return std::set<std::string>(); });
    ASSERT_TRUE(made.ok()) << made.error().message();
    // The first layer has room, the archive's copy and the second together have not.
    for (const size_t size : {700u << 10, 2048u << 10}) {
      const auto image =
          image_of({tar({{"small", "x"}}), tar({{"large", std::string(size, 'x')}})}, "case.local/full:1");
      const auto file = memory_file(tar(docker_layout(image)));
      const auto imported = (*made)->import(file.get(), "");
      if (size == 700u << 10) {
        ASSERT_FALSE(imported.ok()) << "the disk was not full";
        EXPECT_EQ(imported.error().code(), 507) << imported.error().message();
      }
      EXPECT_FALSE(imported.ok());
      for (const auto* part : {"tmp", "layers", "configs"}) EXPECT_TRUE(fs::is_empty(disk / "images" / part)) << part;
      EXPECT_TRUE((*made)->list().empty());
    }
  }
  EXPECT_EQ(::umount2(disk.c_str(), MNT_DETACH), 0);
}

TEST_F(ImportTest, AnIndexThatNamesItselfOverAndOverIsRefused) {
  ImageSpec image;
  image.name.clear();
  image.layers = {tar({{"x", "1"}})};
  const auto imported = import(tar(index_layout("case.local/many:1", std::vector<ImageSpec>(1001, image))));
  ASSERT_FALSE(imported.ok());
  EXPECT_EQ(imported.error().message(), "the index has more than 1000 manifests");
}

TEST_F(ImportTest, AnArchiveIsBoundedInBytesAndEntries) {
  auto made = ImageStore::open(base_ / "small", 1 << 20, [] { return std::set<std::string>(); });
  ASSERT_TRUE(made.ok());
  const auto sparse = memory_file(sparse_tar("index.json", int64_t{1} << 40));
  const auto imported = (*made)->import(sparse.get(), "");
  ASSERT_FALSE(imported.ok());
  EXPECT_EQ(imported.error().code(), 413) << imported.error().message();
  const auto many = memory_file(tar(std::vector<Entry>(100002, {"index.json", {}, {}, {}, 0755, 'd'})));
  EXPECT_EQ((*made)->import(many.get(), "").error().code(), 413);
}

}  // namespace
}  // namespace gantry::oci::test
