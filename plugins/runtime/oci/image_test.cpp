// Importing images: what archives hold, and what they may not do. Run as root (owners, device nodes).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "digest.hpp"
#include "image_store.hpp"
#include "layer.hpp"
#include "reference.hpp"
#include "signals.hpp"
#include "test_image.hpp"

namespace gantry::oci::test {
namespace {

class ImageTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    base_ = fs::temp_directory_path() / ("gantry-image-" + random_id().substr(0, 12));
    open();
  }
  void TearDown() override {
    if (!base_.empty()) fs::remove_all(base_);
  }
  void open() {
    store_.reset();
    auto made = ImageStore::open(base_ / "images", 1 << 30, [this] { return in_use_; });
    ASSERT_TRUE(made.ok()) << made.error().message();
    store_ = std::move(*made);
  }
  Expected<std::vector<ImageStore::Imported>> import(const std::string& bytes, const std::string& name = {}) {
    const auto file = memory_file(bytes);
    auto out = store_->import(file.get(), name);
    EXPECT_TRUE(fs::is_empty(base_ / "images" / "tmp"));
    return out;
  }
  Expected<std::vector<ImageStore::Imported>> import_layer(const std::vector<Entry>& entries) {
    ImageSpec image;
    image.layers = {tar(entries)};
    return import(tar(oci_layout(image)));
  }
  // The unpacked layer of these entries.
  fs::path layer(const std::vector<Entry>& entries) {
    const auto imported = import_layer(entries);
    EXPECT_TRUE(imported.ok()) << imported.error().message();
    return store_->layer_path(sha256_hex(tar(entries)));
  }
  void expect_refused(const std::vector<Entry>& entries, const std::string& why) {
    fs::create_directories(base_ / "outside");
    const auto imported = import_layer(entries);
    ASSERT_FALSE(imported.ok());
    EXPECT_EQ(imported.error().code(), 400);
    EXPECT_NE(imported.error().message().find(why), std::string::npos) << imported.error().message();
    EXPECT_TRUE(fs::is_empty(base_ / "outside"));
    EXPECT_TRUE(store_->list().empty());
    EXPECT_TRUE(fs::is_empty(base_ / "images" / "layers"));
  }

  fs::path base_;
  std::set<std::string> in_use_;
  std::unique_ptr<ImageStore> store_;
};

TEST_F(ImageTest, ImportsOciAndDockerArchives) {
  auto image = busybox_image();
  for (const bool gzip : {false, true}) {
    image.gzip_layers = gzip;
    const auto imported = import(tar(oci_layout(image), gzip));
    ASSERT_TRUE(imported.ok()) << imported.error().message();
    EXPECT_EQ(imported->at(0).name, "gantry.local/busybox:1.36");
  }
  image.name = "busybox:other";
  const auto docker = import(tar(docker_layout(image), true));
  ASSERT_TRUE(docker.ok()) << docker.error().message();
  EXPECT_EQ(docker->at(0).name, "docker.io/library/busybox:other");
  // One content, one image, whatever it came in.
  ASSERT_EQ(store_->list().size(), 1u);
  const auto record = store_->find("busybox:other");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->names.size(), 2u);
  EXPECT_EQ(record->digests.size(), 2u);
  EXPECT_GT(record->size, 1000000u);
  EXPECT_EQ(store_->find(record->id)->id, record->id);
  EXPECT_EQ(store_->find(record->id.substr(7))->id, record->id);
  EXPECT_EQ(store_->find(record->digests[0])->id, record->id);
  EXPECT_EQ(store_->config(*record)->command, std::vector<std::string>{"/bin/sh"});
}

TEST_F(ImageTest, SurvivesAnotherInstanceAndRemoval) {
  ASSERT_TRUE(import(tar(oci_layout(busybox_image()))).ok());
  ::close(::open((base_ / "images" / "tmp" / "left").c_str(), O_CREAT | O_WRONLY, 0600));
  open();
  store_->collect_garbage();
  EXPECT_TRUE(fs::is_empty(base_ / "images" / "tmp"));
  const auto record = store_->find("gantry.local/busybox:1.36");
  ASSERT_TRUE(record.ok());
  in_use_ = {record->layers[0]};
  EXPECT_TRUE(store_->remove("gantry.local/busybox:1.36").ok());
  EXPECT_TRUE(store_->list().empty());
  EXPECT_TRUE(fs::exists(store_->layer_path(record->layers[0])));
  in_use_.clear();
  store_->collect_garbage();
  EXPECT_FALSE(fs::exists(store_->layer_path(record->layers[0])));
  EXPECT_TRUE(store_->remove("gantry.local/busybox:1.36").ok());
}

TEST_F(ImageTest, ANameMovesToTheNewestImage) {
  ASSERT_TRUE(import(tar(oci_layout(busybox_image()))).ok());
  auto other = busybox_image();
  other.environment.push_back("NEW=1");
  const auto second = import(tar(oci_layout(other)));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(store_->find("gantry.local/busybox:1.36")->id, second->at(0).id);
  EXPECT_EQ(store_->list().size(), 2u);
}

TEST_F(ImageTest, AnImageWithoutANameNeedsOne) {
  auto image = busybox_image();
  image.name.clear();
  const auto bytes = tar(oci_layout(image));
  EXPECT_EQ(import(bytes).error().code(), 400);
  EXPECT_EQ(import(bytes, "example.com/named")->at(0).name, "example.com/named:latest");
  image.name = "1.36";
  EXPECT_EQ(import(tar(oci_layout(image)), "example.com/tagged:2")->at(0).name, "example.com/tagged:2");
}

TEST_F(ImageTest, UnpacksWhatALayerCanHold) {
  const auto at = layer({{"dir", {}, {}, {}, 0750, 'd', 5, 6},
                         {"dir/set", "x", {}, {}, 04755, 'f', 0, 7},
                         {"dir/hard", {}, {}, "dir/set", 0755, 'h'},
                         {"usr/bin/tool", "tool"},
                         {"bin", {}, "usr/bin", {}, 0777, 'l'},
                         {"bin/second", "second"},
                         {"absolute", {}, "/etc/passwd", {}, 0777, 'l'},
                         {"dev/console", {}, {}, {}, 0620, 'c'},
                         {"gr\xc3\xbc\xc3\x9f", "utf8"},
                         {"dir/.wh.gone", ""},
                         {"dir/.wh..wh..opq", ""},
                         {"twice", "first"},
                         {"twice", "second"}});
  struct stat info {};
  ASSERT_EQ(::stat((at / "dir").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750u);
  EXPECT_EQ(info.st_uid, 5u);
  EXPECT_EQ(info.st_mtime, 1700000000);
  ASSERT_EQ(::stat((at / "dir/set").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 04755u);
  EXPECT_EQ(info.st_nlink, 2u);
  EXPECT_EQ(*read_file(at / "usr/bin/second"), "second");
  EXPECT_EQ(fs::read_symlink(at / "absolute"), "/etc/passwd");
  EXPECT_EQ(*read_file(at / "gr\xc3\xbc\xc3\x9f"), "utf8");
  EXPECT_EQ(*read_file(at / "twice"), "second");
  ASSERT_EQ(::lstat((at / "dev/console").c_str(), &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
  ASSERT_EQ(::lstat((at / "dir/gone").c_str(), &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0));
  char value = 0;
  EXPECT_EQ(::getxattr((at / "dir").c_str(), "trusted.overlay.opaque", &value, 1), 1);
  EXPECT_EQ(value, 'y');
}

TEST_F(ImageTest, RefusesNamesThatLeadOut) {
  expect_refused({{"../outside/evil", "x"}}, "leads elsewhere");
  expect_refused({{"a/../../../outside/evil", "x"}}, "leads elsewhere");
  const auto outside = (base_ / "outside").string();
  expect_refused({{"link", {}, outside, {}, 0777, 'l'}, {"link/evil", "x"}}, "leads elsewhere");
  expect_refused({{"link", {}, "../../../outside", {}, 0777, 'l'}, {"link/evil", "x"}}, "leads elsewhere");
  expect_refused({{"a", {}, "b", {}, 0777, 'l'}, {"b", {}, outside, {}, 0777, 'l'}, {"a/deep/evil", "x"}},
                 "leads elsewhere");
  expect_refused({{"hard", {}, {}, "../../../../etc/passwd", 0755, 'h'}}, "leads elsewhere");
  expect_refused({{"etc", {}, "/etc", {}, 0777, 'l'}, {"hard", {}, {}, "etc/passwd", 0755, 'h'}}, "not in the layer");
  expect_refused({{".wh...", ""}}, "no valid whiteout");
  expect_refused({{"file", "x"}, {"file/below", "x"}}, "leads elsewhere");
}

TEST_F(ImageTest, AnAbsoluteNameStaysInside) {
  const auto at = layer({{"/etc/gantry-test-file", "x"}});
  EXPECT_EQ(*read_file(at / "etc/gantry-test-file"), "x");
  EXPECT_FALSE(fs::exists("/etc/gantry-test-file"));
}

TEST_F(ImageTest, AFileTakesThePlaceOfALinkInsteadOfWritingThroughIt) {
  fs::create_directories(base_);
  const auto victim = base_ / "victim";
  ASSERT_TRUE(write_file_atomic(victim, "safe").ok());
  const auto at = layer({{"link", {}, victim.string(), {}, 0777, 'l'}, {"link", "evil"}});
  EXPECT_EQ(*read_file(victim), "safe");
  EXPECT_EQ(*read_file(at / "link"), "evil");
}

TEST_F(ImageTest, ChecksEveryDigest) {
  const auto image = busybox_image();
  for (size_t spoiled = 0; spoiled < 3; spoiled++) {
    auto files = oci_layout(image);
    files[spoiled].content += " ";
    const auto imported = import(tar(files));
    ASSERT_FALSE(imported.ok());
    EXPECT_NE(imported.error().message().find("has another content"), std::string::npos) << imported.error().message();
  }
  auto docker = docker_layout(image);
  docker[0].content = tar({{"other", "x"}});
  EXPECT_NE(import(tar(docker)).error().message().find("unpacks to"), std::string::npos);
  auto missing = oci_layout(image);
  missing.erase(missing.begin());
  EXPECT_NE(import(tar(missing)).error().message().find("lacks the blob"), std::string::npos);
  EXPECT_TRUE(store_->list().empty());
}

TEST_F(ImageTest, RefusesWhatIsNoImage) {
  EXPECT_EQ(import("").error().code(), 400);
  EXPECT_EQ(import("no archive at all").error().code(), 400);
  EXPECT_EQ(import(tar({{"file", "x"}})).error().code(), 400);
  EXPECT_EQ(import(tar({{"index.json", "{"}})).error().code(), 400);
  EXPECT_EQ(import(tar({{"manifest.json", "{}"}})).error().code(), 400);
  EXPECT_EQ(import(tar({{"manifest.json", R"([{"Config":"../../etc/passwd","Layers":[]}])"}})).error().code(), 400);
  EXPECT_EQ(import(tar({{"index.json", R"({"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]})"}}))
                .error()
                .code(),
            400);
  const auto whole = tar(oci_layout(busybox_image()));
  EXPECT_EQ(import(whole.substr(0, whole.size() / 2)).error().code(), 400);
  EXPECT_TRUE(store_->list().empty());
}

TEST_F(ImageTest, BoundsWhatAnArchiveMayTake) {
  auto made = ImageStore::open(base_ / "small", 100000, [] { return std::set<std::string>(); });
  ASSERT_TRUE(made.ok());
  // Compresses to nearly nothing, unpacks to more than allowed.
  ImageSpec image;
  image.layers = {tar({{"zeros", std::string(10 << 20, '\0')}})};
  image.gzip_layers = true;
  const auto file = memory_file(tar(oci_layout(image)));
  const auto imported = (*made)->import(file.get(), "");
  ASSERT_FALSE(imported.ok());
  EXPECT_NE(imported.error().message().find("max_image_bytes"), std::string::npos) << imported.error().message();
}

TEST(Reference, ReadsNames) {
  EXPECT_EQ(parse_reference("busybox")->text(), "docker.io/library/busybox:latest");
  EXPECT_EQ(parse_reference("user/app:1")->text(), "docker.io/user/app:1");
  EXPECT_EQ(parse_reference("localhost:5000/a/b")->text(), "localhost:5000/a/b:latest");
  EXPECT_EQ(parse_reference("gantry.local/busybox:1.36")->text(), "gantry.local/busybox:1.36");
  const auto digest = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(parse_reference("a@" + digest)->text(), "docker.io/library/a@" + digest);
  for (const auto* wrong : {"", "UPPER", "a//b", "a:b:c", "a@sha256:zz", "../x", "a/", ":tag", "a b"}) {
    EXPECT_FALSE(parse_reference(wrong).ok()) << wrong;
  }
}

TEST(Signals, ByNameAndNumber) {
  namespace cri = gantry::runtime::v1;
  EXPECT_EQ(stop_signal(cri::SIGNAL_RUNTIME_DEFAULT, ""), SIGTERM);
  EXPECT_EQ(stop_signal(cri::SIGNAL_RUNTIME_DEFAULT, "SIGQUIT"), SIGQUIT);
  EXPECT_EQ(stop_signal(cri::SIGNAL_RUNTIME_DEFAULT, "usr1"), SIGUSR1);
  EXPECT_EQ(stop_signal(cri::SIGNAL_RUNTIME_DEFAULT, "3"), SIGQUIT);
  EXPECT_EQ(stop_signal(cri::SIGNAL_RUNTIME_DEFAULT, "SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(stop_signal(cri::SIGNAL_RUNTIME_DEFAULT, "nonsense"), SIGTERM);
  EXPECT_EQ(stop_signal(cri::SIGNAL_RTMAXMINUS2, "SIGQUIT"), SIGRTMAX - 2);
  EXPECT_EQ(stop_signal(cri::SIGNAL_INT, "SIGQUIT"), SIGINT);
}

}  // namespace
}  // namespace gantry::oci::test
