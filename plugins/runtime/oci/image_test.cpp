// Importing images: what archives hold, and what they may not do. Run as root (owners, device nodes).
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "image_fixture.hpp"
#include "reference.hpp"
#include "signals.hpp"

namespace gantry::oci::test {
namespace {

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
  expect_refused({{"hard", {}, {}, "../../../../etc/passwd", 0755, 'h'}}, "leads elsewhere");
  expect_refused({{"etc", {}, "/etc", {}, 0777, 'l'}, {"hard", {}, {}, "etc/passwd", 0755, 'h'}}, "too many links");
  expect_refused({{".wh...", ""}}, "no valid whiteout");
  expect_refused({{"file", "x"}, {"file/below", "x"}}, "passes through a file");
}

TEST_F(ImageTest, LinksThatLeadOutEndInTheImage) {
  const auto outside = base_ / "outside";
  fs::create_directories(outside);
  const auto at = layer({{"link", {}, outside.string(), {}, 0777, 'l'},
                         {"link/evil", "x"},
                         {"up", {}, "../../../outside", {}, 0777, 'l'},
                         {"up/evil", "y"},
                         {"a", {}, "b", {}, 0777, 'l'},
                         {"b", {}, outside.string(), {}, 0777, 'l'},
                         {"a/deep/evil", "z"}});
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_EQ(*read_file(fs::path(at.string() + outside.string()) / "evil"), "x");
  EXPECT_EQ(*read_file(at / "outside/evil"), "y");
  EXPECT_EQ(*read_file(fs::path(at.string() + outside.string()) / "deep/evil"), "z");
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

// As a container may leave it: deeper than a process may have descriptors.
TEST(Files, ATreeOfAnyDepthIsCountedAndRemoved) {
  const auto base = fs::temp_directory_path() / ("gantry-deep-" + random_id().substr(0, 12));
  fs::create_directories(base);
  Fd at(::open(base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 400; i++) {
    for (const auto* name : {".gone-0", "side", "d"}) {
      if (i >= 3 && *name != 'd') continue;
      ASSERT_EQ(::mkdirat(at.get(), name, 0700), 0);
    }
    ::close(::openat(at.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0));
    at = Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  at.reset();
  fs::create_directory_symlink("/", base / "link");
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const struct rlimit few = {64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_EQ(tree_usage(base).inodes, 2u * 400 + 2u * 3 + 1);
  const auto status = remove_tree(base);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(fs::exists(base));
  EXPECT_TRUE(remove_tree(base).ok());
  EXPECT_EQ(tree_usage(base).inodes, 0u);
}

TEST(Reference, ReadsNames) {
  EXPECT_EQ(parse_reference("busybox")->text(), "docker.io/library/busybox:latest");
  EXPECT_EQ(parse_reference("user/app:1")->text(), "docker.io/user/app:1");
  EXPECT_EQ(parse_reference("index.docker.io/app")->text(), "docker.io/library/app:latest");
  EXPECT_EQ(parse_reference("localhost:5000/a/b")->text(), "localhost:5000/a/b:latest");
  EXPECT_EQ(parse_reference("gantry.local/busybox:1.36")->text(), "gantry.local/busybox:1.36");
  EXPECT_EQ(parse_reference("Foo/bar:1")->text(), "Foo/bar:1");  // a registry: no folder of Docker Hub's has capitals
  EXPECT_EQ(parse_reference("[fe80::1]:5000/a")->text(), "[fe80::1]:5000/a:latest");
  EXPECT_EQ(parse_reference("a__b/c.d/e---f/g_h:_X.-1")->text(), "docker.io/a__b/c.d/e---f/g_h:_X.-1");
  EXPECT_EQ(parse_reference("a:" + std::string(128, 't'))->tag.size(), 128u);
  EXPECT_EQ(parse_reference("x.y/" + std::string(251, 'a'))->repository.size(), 255u);
  const auto digest = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(parse_reference("a@" + digest)->text(), "docker.io/library/a@" + digest);
  EXPECT_EQ(parse_reference("a:1@" + digest)->text(), "docker.io/library/a:1@" + digest);
  EXPECT_TRUE(parse_reference("a@sha512:" + std::string(128, 'a')).ok());
  for (const std::string wrong : {"",
                                  "UPPER",
                                  "a//b",
                                  "a:b:c",
                                  "a@sha256:zz",
                                  "../x",
                                  "a/",
                                  ":tag",
                                  "a b",
                                  "a:",
                                  "a@",
                                  "/a",
                                  "a/.b",
                                  "a/b-",
                                  "a..b",
                                  "a___b",
                                  "a._b",
                                  "_a",
                                  "${APP_IMAGE}:1",
                                  "https://x.y/a",
                                  "Repo/App:1",
                                  "x.y:z/a",
                                  "x.y:/a",
                                  "-x.y/a",
                                  "x..y/a",
                                  "x_y.z/a",
                                  "[x/a",
                                  "[::1]x/a",
                                  "[]/a",
                                  "a:-t",
                                  "a:t/x",
                                  "a\nb",
                                  "b\xc3\xa4r",
                                  "a@md5:00",
                                  "a@sha256"}) {
    EXPECT_FALSE(parse_reference(wrong).ok()) << wrong;
  }
  EXPECT_FALSE(parse_reference("a@sha256:" + std::string(64, 'A')).ok());
  EXPECT_FALSE(parse_reference(std::string(64, 'a')).ok());  // an id
  EXPECT_TRUE(parse_reference(std::string(63, 'a')).ok());
  EXPECT_TRUE(parse_reference(std::string(64, 'z')).ok());
  EXPECT_EQ(parse_reference("Z/a")->text(), "Z/a:latest");
  EXPECT_FALSE(parse_reference("a:" + std::string(129, 't')).ok());
  EXPECT_FALSE(parse_reference("x.y/" + std::string(252, 'a')).ok());
}

TEST(Reference, MessagesAreShortAndPlain) {
  EXPECT_EQ(parse_reference("${APP_IMAGE}:1").error().message(),
            "couldn't parse image name \"${APP_IMAGE}:1\": invalid reference format");
  EXPECT_EQ(in_quotes("a\x1b\n\x7f"), "\"a???\"");
  EXPECT_EQ(in_quotes(std::string(256, 'x')), "\"" + std::string(256, 'x') + "\"");
  EXPECT_EQ(in_quotes(std::string(257, 'x')), "\"" + std::string(256, 'x') + "...\"");
  // Not through a character of several bytes.
  EXPECT_EQ(in_quotes(std::string(255, 'x') + "\xc3\xa4"), "\"" + std::string(255, 'x') + "...\"");
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
