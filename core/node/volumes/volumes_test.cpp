// Volumes in a folder of the test's own, as root.
#include "core/node/volumes/volumes.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fstream>

#include "core/node/node_testing.hpp"
#include "core/node/volumes/projected_files.hpp"
#include "core/node/volumes/safe_path.hpp"

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
mode_t mode_of(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}
gid_t group_of(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_gid : 0;
}
bool on_tmpfs(const fs::path& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == 0x01021994;
}

fs::path make_dir() {
  char name[] = "/tmp/gantry-volumes-XXXXXX";
  return ::mkdtemp(name);
}

struct VolumesTest : ::testing::Test {
  VolumesTest() {
    pod.mutable_metadata()->set_namespace_("ns");
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_uid("u1");
    (*pod.mutable_metadata()->mutable_labels())["app"] = "web";
    auto& container = *pod.mutable_spec()->add_containers();
    container.set_name("c");
    put_map("1");
    corev1::Secret secret;
    secret.mutable_metadata()->set_namespace_("ns");
    secret.mutable_metadata()->set_name("word");
    (*secret.mutable_data())["word"] = "open";
    api.put("secrets", secret);
  }
  ~VolumesTest() override {
    EXPECT_TRUE(volumes->tear_down("u1").ok());
    fs::remove_all(dir);
  }
  void put_map(const std::string& value) {
    corev1::ConfigMap map;
    map.mutable_metadata()->set_namespace_("ns");
    map.mutable_metadata()->set_name("map");
    (*map.mutable_data())["a"] = value;
    (*map.mutable_data())["b"] = "b";
    api.put("configmaps", map);
  }
  corev1::VolumeSource& add(const std::string& name) {
    auto& volume = *pod.mutable_spec()->add_volumes();
    volume.set_name(name);
    auto& mount = *pod.mutable_spec()->mutable_containers(0)->add_volume_mounts();
    mount.set_name(name);
    mount.set_mount_path("/" + name);
    return *volume.mutable_volume_source();
  }
  corev1::VolumeMount& last_mount() {
    auto& mounts = *pod.mutable_spec()->mutable_containers(0)->mutable_volume_mounts();
    return mounts[mounts.size() - 1];
  }
  std::string set_up() { return volumes->set_up(pod, facts).message(); }
  Expected<std::vector<VolumeMount>> mounts(const std::vector<std::pair<std::string, std::string>>& environment = {}) {
    return volumes->mounts(pod, pod.spec().containers(0), environment);
  }
  fs::path volume(const std::string& kind, const std::string& name) { return dir / "pods/u1/volumes" / kind / name; }

  fs::path dir = make_dir();
  testing::PlayedApi api;
  std::unique_ptr<ObjectCache> cache = make_object_cache(
      api, [](const std::string&) {}, [](int64_t, std::function<void()>) {});
  std::unique_ptr<Volumes> volumes = make_volumes(dir, *cache);
  corev1::Pod pod;
  PodFacts facts;
};

TEST_F(VolumesTest, EmptyDirIsOpenToAllAndKeepsItsContent) {
  add("data").mutable_empty_dir();
  ASSERT_EQ(set_up(), "");
  const auto path = volume("kubernetes.io~empty-dir", "data");
  EXPECT_EQ(mode_of(path), 0777u);
  std::ofstream(path / "x") << "kept";
  ::chmod(path.c_str(), 0700);  // a container may do so
  ASSERT_EQ(set_up(), "");
  EXPECT_EQ(read(path / "x"), "kept");
  EXPECT_EQ(mode_of(path), 0700u);
  const auto all = mounts();
  ASSERT_TRUE(all.ok());
  EXPECT_EQ((*all)[0].host_path, path);
  EXPECT_EQ((*all)[0].container_path, "/data");
  EXPECT_FALSE((*all)[0].read_only);
}

TEST_F(VolumesTest, EmptyDirInMemoryIsBounded) {
  auto& source = *add("data").mutable_empty_dir();
  source.set_medium("Memory");
  source.mutable_size_limit()->set_string("1Mi");
  ASSERT_EQ(set_up(), "");
  const auto path = volume("kubernetes.io~empty-dir", "data");
  EXPECT_TRUE(on_tmpfs(path));
  struct statfs info {};
  ::statfs(path.c_str(), &info);
  EXPECT_EQ(static_cast<int64_t>(info.f_blocks) * info.f_bsize, 1 << 20);
  std::ofstream(path / "x") << "kept";
  ASSERT_EQ(set_up(), "");
  EXPECT_EQ(read(path / "x"), "kept");
  // As after a reboot: the memory is gone, the folder not.
  ASSERT_EQ(::umount(path.c_str()), 0);
  ASSERT_EQ(set_up(), "");
  EXPECT_TRUE(on_tmpfs(path));
}

TEST_F(VolumesTest, ConfigMapFilesFollowTheObject) {
  add("conf").mutable_config_map()->mutable_local_object_reference()->set_name("map");
  ASSERT_EQ(set_up(), "");
  const auto path = volume("kubernetes.io~configmap", "conf");
  EXPECT_EQ(read(path / "a"), "1");
  EXPECT_EQ(mode_of(path / "a"), 0644u);
  const auto first = fs::read_symlink(path / "..data");
  ASSERT_EQ(set_up(), "");
  EXPECT_EQ(fs::read_symlink(path / "..data"), first);
  put_map("2");
  ASSERT_EQ(set_up(), "");
  EXPECT_EQ(read(path / "a"), "2");
  EXPECT_NE(fs::read_symlink(path / "..data"), first);
  EXPECT_FALSE(fs::exists(path / first));
  EXPECT_TRUE((*mounts())[0].read_only);
}

TEST_F(VolumesTest, ItemsModesAndWhatIsMissing) {
  auto& map = *add("conf").mutable_config_map();
  map.mutable_local_object_reference()->set_name("map");
  map.set_default_mode(0400);
  auto& one = *map.add_items();
  one.set_key("a");
  one.set_path("deep/er/a");
  auto& two = *map.add_items();
  two.set_key("b");
  two.set_path("b");
  two.set_mode(0600);
  ASSERT_EQ(set_up(), "");
  const auto path = volume("kubernetes.io~configmap", "conf");
  EXPECT_EQ(read(path / "deep/er/a"), "1");
  EXPECT_EQ(mode_of(path / "deep/er/a"), 0400u);
  EXPECT_EQ(mode_of(path / "b"), 0600u);
  map.mutable_items(1)->set_key("none");
  EXPECT_EQ(set_up(),
            "MountVolume.SetUp failed for volume \"conf\" : configmap references non-existent config key: none");
  map.set_optional(true);
  ASSERT_EQ(set_up(), "");
  EXPECT_FALSE(fs::exists(fs::symlink_status(path / "b")));
  map.set_optional(false);
  map.mutable_local_object_reference()->set_name("gone");
  EXPECT_EQ(set_up(), "MountVolume.SetUp failed for volume \"conf\" : configmap \"gone\" not found");
}

TEST_F(VolumesTest, SecretsLieInMemoryAndBelongToTheGroup) {
  pod.mutable_spec()->mutable_security_context()->set_fs_group(1234);
  auto& secret = *add("word").mutable_secret();
  secret.set_secret_name("word");
  secret.set_default_mode(0400);
  ASSERT_EQ(set_up(), "");
  const auto path = volume("kubernetes.io~secret", "word");
  EXPECT_TRUE(on_tmpfs(path));
  EXPECT_EQ(read(path / "word"), "open");
  EXPECT_EQ(mode_of(path / "word"), 0440u);
  EXPECT_EQ(group_of(path / "word"), 1234u);
  EXPECT_EQ(group_of(path), 1234u);
  ASSERT_EQ(set_up(), "");
  ASSERT_TRUE(volumes->tear_down("u1").ok());
  EXPECT_FALSE(fs::exists(dir / "pods/u1"));
}

TEST_F(VolumesTest, ProjectedJoinsSourcesAndLeavesOutTokens) {
  auto& source = *add("all").mutable_projected();
  source.add_sources()->mutable_service_account_token()->set_path("token");
  source.add_sources()->mutable_config_map()->mutable_local_object_reference()->set_name("map");
  auto& down = *source.add_sources()->mutable_downward_api()->add_items();
  down.set_path("labels");
  down.mutable_field_ref()->set_field_path("metadata.labels");
  ASSERT_EQ(set_up(), "");
  const auto path = volume("kubernetes.io~projected", "all");
  EXPECT_EQ(read(path / "labels"), "app=\"web\"");
  EXPECT_EQ(read(path / "a"), "1");
  EXPECT_FALSE(fs::exists(path / "token"));
}

TEST_F(VolumesTest, HostPathTypesAreChecked) {
  std::ofstream(dir / "file") << "x";
  auto& source = *add("host").mutable_host_path();
  const auto check = [&](const std::string& path, const std::string& type) {
    source.set_path(path);
    source.set_type(type);
    auto message = set_up();
    const std::string prefix = "MountVolume.SetUp failed for volume \"host\" : ";
    return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  };
  const auto file = (dir / "file").string(), none = (dir / "none").string();
  EXPECT_EQ(check(file, "Directory"), "hostPath type check failed: " + file + " is not a directory");
  EXPECT_EQ(check(none, "File"), "hostPath type check failed: " + none + " is not a file");
  EXPECT_EQ(check(file, "Socket"), "hostPath type check failed: " + file + " is not a socket file");
  EXPECT_EQ(check("/dev/null", "CharDevice"), "");
  EXPECT_EQ(check("/dev/null", "BlockDevice"), "hostPath type check failed: /dev/null is not a block device");
  EXPECT_EQ(check(file, "DirectoryOrCreate"), "hostPath type check failed: " + file + " is not a directory");
  EXPECT_EQ(check((dir / "new/er").string(), "DirectoryOrCreate"), "");
  EXPECT_EQ(check((dir / "new/file").string(), "FileOrCreate"), "");
  EXPECT_TRUE(fs::is_regular_file(dir / "new/file"));
}

TEST_F(VolumesTest, SubPathsStayInside) {
  add("data").mutable_empty_dir();
  ASSERT_EQ(set_up(), "");
  const auto path = volume("kubernetes.io~empty-dir", "data");
  last_mount().set_sub_path("in/side");
  auto all = mounts();
  ASSERT_TRUE(all.ok()) << all.error().message();
  std::ofstream(path / "in/side/x") << "seen";
  EXPECT_EQ(read(fs::path((*all)[0].host_path) / "x"), "seen");
  EXPECT_EQ((*mounts())[0].host_path, (*all)[0].host_path);
  // Links that a container made: inside is fine, outside is not.
  fs::create_directory_symlink("in", path / "alias");
  last_mount().set_sub_path("alias/side");
  EXPECT_TRUE(mounts().ok());
  for (const char* outside : {"../..", "/etc", "/proc/self/root"}) {
    fs::remove(path / "bad");
    fs::create_directory_symlink(outside, path / "bad");
    last_mount().set_sub_path("bad/new");
    EXPECT_FALSE(mounts().ok()) << outside;
    last_mount().set_sub_path("bad");
    EXPECT_FALSE(mounts().ok()) << outside;
  }
  last_mount().set_sub_path("a/../../b");
  EXPECT_FALSE(mounts().ok());
  last_mount().clear_sub_path();
  last_mount().set_sub_path_expr("$(NAME)/x");
  EXPECT_EQ(mounts().error().message(), "missing value for \"NAME\"");
  ASSERT_TRUE(mounts({{"NAME", "n"}}).ok());
  EXPECT_TRUE(fs::is_directory(path / "n/x"));
}

TEST_F(VolumesTest, ASubPathOfAConfigMapIsTheFile) {
  add("conf").mutable_config_map()->mutable_local_object_reference()->set_name("map");
  last_mount().set_sub_path("a");
  ASSERT_EQ(set_up(), "");
  auto all = mounts();
  ASSERT_TRUE(all.ok()) << all.error().message();
  EXPECT_EQ(read((*all)[0].host_path), "1");
  put_map("2");
  ASSERT_EQ(set_up(), "");
  EXPECT_EQ(read((*all)[0].host_path), "1");  // bound to what was there
  all = mounts();                             // the container starts again
  ASSERT_TRUE(all.ok()) << all.error().message();
  EXPECT_EQ(read((*all)[0].host_path), "2");
}

TEST_F(VolumesTest, TearDownTouchesNothingOutside) {
  fs::create_directory(dir / "host");
  std::ofstream(dir / "host/x") << "kept";
  add("data").mutable_empty_dir();
  auto& host = *add("host").mutable_host_path();
  host.set_path((dir / "host").string());
  last_mount().set_sub_path("deep");
  ASSERT_EQ(set_up(), "");
  ASSERT_TRUE(mounts().ok());
  std::ofstream(dir / "host/deep/y") << "kept";
  fs::create_directory_symlink(dir / "host", volume("kubernetes.io~empty-dir", "data") / "link");
  EXPECT_EQ(volumes->known(), std::vector<std::string>{"u1"});
  ASSERT_TRUE(volumes->tear_down("u1").ok());
  EXPECT_TRUE(volumes->known().empty());
  EXPECT_EQ(read(dir / "host/x"), "kept");
  EXPECT_EQ(read(dir / "host/deep/y"), "kept");
  EXPECT_TRUE(volumes->tear_down("u1").ok());
  EXPECT_FALSE(volumes->tear_down("..").ok());
  EXPECT_FALSE(volumes->tear_down("a/b").ok());
}

TEST_F(VolumesTest, UnknownKindsAndNamesAreSaid) {
  add("claim").mutable_persistent_volume_claim()->set_claim_name("x");
  EXPECT_EQ(
      set_up(),
      "MountVolume.SetUp failed for volume \"claim\" : no volume plugin matched: persistentVolumeClaim volumes are "
      "not supported by this node");
  EXPECT_EQ(mounts().error().message(),
            "no volume plugin matched: persistentVolumeClaim volumes are not supported by this node");
  pod.mutable_spec()->mutable_volumes(0)->mutable_volume_source()->clear_persistent_volume_claim();
  EXPECT_EQ(set_up(),
            "MountVolume.SetUp failed for volume \"claim\" : no volume plugin matched: this kind of volumes are not "
            "supported by this node");
  pod.mutable_spec()->clear_volumes();
  EXPECT_EQ(mounts().error().message(), "cannot find volume \"claim\" to mount into container \"c\"");
}

TEST_F(VolumesTest, AProjectedVolumeSaysWhatItCanNotJoin) {
  auto& source = *add("all").mutable_projected();
  source.add_sources()->mutable_config_map()->mutable_local_object_reference()->set_name("map");
  source.add_sources()->mutable_cluster_trust_bundle()->set_path("x");
  const std::string prefix = "MountVolume.SetUp failed for volume \"all\" : ";
  EXPECT_EQ(set_up(), prefix + "clusterTrustBundle projections are not supported by this node");
  source.mutable_sources(1)->Clear();
  EXPECT_EQ(set_up(), prefix + "this kind of projection is not supported by this node");
  EXPECT_FALSE(fs::exists(volume("kubernetes.io~projected", "all") / "a")) << "nothing of it is shown";
}

TEST_F(VolumesTest, ProjectedSecretsLieInMemory) {
  auto& source = *add("all").mutable_projected();
  source.set_default_mode(0400);
  source.add_sources()->mutable_config_map()->mutable_local_object_reference()->set_name("map");
  ASSERT_EQ(set_up(), "");
  const auto path = volume("kubernetes.io~projected", "all");
  EXPECT_FALSE(on_tmpfs(path));
  EXPECT_EQ(mode_of(path / "a"), 0400u);
  source.add_sources()->mutable_secret()->mutable_local_object_reference()->set_name("word");
  ASSERT_EQ(set_up(), "");
  EXPECT_TRUE(on_tmpfs(path));
  EXPECT_EQ(read(path / "word"), "open");
  EXPECT_EQ(read(path / "a"), "1");
  EXPECT_TRUE((*mounts())[0].read_only);
}

TEST_F(VolumesTest, DownwardApiFilesSayWhatThePodIs) {
  auto& source = *add("self").mutable_downward_api();
  auto& name = *source.add_items();
  name.set_path("name");
  name.mutable_field_ref()->set_field_path("metadata.name");
  auto& cpu = *source.add_items();
  cpu.set_path("cpu");
  cpu.set_mode(0400);
  cpu.mutable_resource_field_ref()->set_container_name("c");
  cpu.mutable_resource_field_ref()->set_resource("limits.cpu");
  facts.allocatable_cpu_milli = 1500;
  ASSERT_EQ(set_up(), "");
  const auto path = volume("kubernetes.io~downward-api", "self");
  EXPECT_EQ(read(path / "name"), "web");
  EXPECT_EQ(read(path / "cpu"), "2");
  EXPECT_EQ(mode_of(path / "cpu"), 0400u);
  EXPECT_EQ(mode_of(path / "name"), 0644u);
  EXPECT_TRUE((*mounts())[0].read_only);
  name.mutable_field_ref()->set_field_path("metadata.none");
  EXPECT_EQ(set_up(), "MountVolume.SetUp failed for volume \"self\" : unsupported fieldPath: metadata.none");
}

TEST_F(VolumesTest, ProjectedFilesSurviveACrashAnywhere) {
  const auto at = dir / "p";
  fs::create_directory(at);
  ASSERT_TRUE(write_projected_files(at, {{"a", {"1", 0644}}, {"sub/b", {"2", 0644}}}, std::nullopt).ok());
  // What a crash between any two steps may leave.
  fs::create_directory(at / "..2020_01_01_00_00_00.abcdef");
  std::ofstream(at / "..2020_01_01_00_00_00.abcdef" / "a") << "half";
  fs::create_symlink("..2020_01_01_00_00_00.abcdef", at / "..data_tmp");
  fs::create_symlink("..data/old", at / "old");
  ASSERT_TRUE(write_projected_files(at, {{"a", {"1", 0644}}}, std::nullopt).ok());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(at)) names.push_back(entry.path().filename());
  EXPECT_EQ(names.size(), 3u);  // "..data", its folder, "a"
  EXPECT_EQ(read(at / "a"), "1");
  for (const char* bad : {"", "/a", "../a", "..a", "a/../../b"}) {
    EXPECT_FALSE(write_projected_files(at, {{bad, {"", 0644}}}, std::nullopt).ok()) << bad;
  }
}

}  // namespace
}  // namespace gantry::node
