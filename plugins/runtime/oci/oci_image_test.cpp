// What of an image and of its pod a container finds: volumes, layers, mounts, kernel settings. Run as root.
#include "oci_fixture.hpp"

namespace gantry::oci::test {
namespace {

ImageSpec volume_image() {
  auto image = busybox_image();
  image.name = "case.local/vol:1";
  image.layers.push_back(tar({{"srv", {}, {}, {}, 0755, 'd'},
                              {"srv/data", {}, {}, {}, 01750, 'd', 1000, 2000},
                              {"srv/data/seed", "seed\n", {}, {}, 0640, 'f', 1000, 1000},
                              {"srv/data/same", {}, {}, "srv/data/seed", 0640, 'h'},
                              {"srv/data/link", {}, "seed", {}, 0777, 'l'},
                              {"srv/data/sub/deep", "deep\n"},
                              {"way", {}, "/srv/data", {}, 0777, 'l'},
                              {"srv/other", {}, {}, {}, 0755, 'd'},
                              {"srv/other/file", "image\n"}}));
  image.volumes = {"/srv/data", "fresh/", "/srv/other"};
  return image;
}

TEST_F(OciTest, VolumesOfTheImageAreTheContainersOwn) {
  import(volume_image());
  const auto sandbox = run_sandbox(pod());
  auto config = shell("sleep 1000");
  config.mutable_image()->set_image("case.local/vol:1");
  config.mutable_linux()->mutable_security_context()->set_readonly_rootfs(true);
  const auto host = base_ / "of-pod";
  fs::create_directories(host / "inner");
  ASSERT_TRUE(write_file_atomic(host / "file", "pod\n").ok());
  auto& mount = *config.add_mounts();
  mount.set_container_path("/srv/other/");
  mount.set_host_path(host.string());
  // Inside a volume, and named before it: it comes after.
  auto& inner = *config.add_mounts();
  inner.set_container_path("/srv/data/sub");
  inner.set_host_path((host / "inner").string());
  const auto id = run(sandbox, config);
  EXPECT_EQ(exec_out(id, "cat /srv/data/seed /srv/other/file"), "seed\npod\n");
  EXPECT_EQ(exec_out(id, "touch /srv/data/x /fresh/x && ls /srv/data /fresh"),
            "/fresh:\nx\n\n/srv/data:\nlink\nsame\nseed\nsub\nx\n");
  EXPECT_EQ(exec_out(id, "ls -ld /srv/data | cut -c1-10; ls -n /srv/data/seed | tr -s ' ' | cut -d' ' -f1-4"),
            "drwxr-x--T\n-rw-r----- 2 1000 1000\n");
  EXPECT_EQ(exec_out(id, "ls /srv/data/sub"), "");
  EXPECT_EQ(exec_out(id, "readlink /srv/data/link"), "seed\n");
  EXPECT_NE(exec(id, "touch /root-is-read-only")->exit_code(), 0);
  // Another container of the pod has its own, and the image keeps what it had.
  config.mutable_metadata()->set_name("second");
  EXPECT_EQ(exec_out(run(sandbox, config), "ls /srv/data /fresh"), "/fresh:\n\n/srv/data:\nlink\nsame\nseed\nsub\n");
  restart();
  EXPECT_EQ(exec_out(id, "ls /fresh"), "x\n");
  const auto folder = base_ / "data_dir" / "containers" / id / "volumes";
  EXPECT_TRUE(fs::exists(folder));
  remove_container(id);
  EXPECT_FALSE(fs::exists(folder));
  EXPECT_EQ(*read_file(host / "file"), "pod\n");
}

TEST_F(OciTest, AContainerWithVolumesMayStartAfterARestart) {
  import(volume_image());
  const auto sandbox = run_sandbox(pod());
  auto config = shell("cat /srv/data/seed");
  config.mutable_image()->set_image("case.local/vol:1");
  const auto id = create(sandbox, config);
  ASSERT_TRUE(id.ok()) << id.error().message();
  restart();
  EXPECT_TRUE(start_container(*id).ok());
  EXPECT_EQ(wait_exit(*id).exit_code(), 0);
  EXPECT_NE(log().find("F seed\n"), std::string::npos) << log();
}

TEST_F(OciTest, AVolumeLeadsWhereTheImageSays) {
  auto image = volume_image();
  image.volumes = {"/way", "/../../gone/up", "/proc", "/etc/hosts", "/dev/shm"};
  import(image);
  const auto sandbox = run_sandbox(pod());
  auto config = shell("sleep 1000");
  config.mutable_image()->set_image("case.local/vol:1");
  const auto id = run(sandbox, config);
  EXPECT_EQ(exec_out(id, "touch /way/x; ls /srv/data"), "link\nsame\nseed\nsub\nx\n");
  EXPECT_EQ(exec_out(id, "ls /gone/up; grep -c ^proc /proc/mounts; test -f /etc/hosts && echo hosts"), "1\nhosts\n");
  EXPECT_FALSE(fs::exists("/gone"));
}

TEST_F(OciTest, AVolumeThatCanNotBeIsAClearError) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("true");
  config.mutable_image()->set_image("case.local/vol:1");
  auto image = volume_image();
  const auto message = [&](std::vector<std::string> volumes) {
    image.volumes = std::move(volumes);
    import(image);
    const auto made = create(sandbox, config);
    return made ? "created" : made.error().message();
  };
  EXPECT_NE(message({"/srv/data/seed"}).find("volume \"/srv/data/seed\" of the image"), std::string::npos);
  EXPECT_EQ(message({"/"}), "the image wants its root to be a volume");
  std::vector<std::string> many;
  for (int i = 0; i < 257; i++) many.push_back("/v" + std::to_string(i));
  EXPECT_EQ(message(std::move(many)), "the image has too many volumes");
  EXPECT_TRUE(fs::is_empty(base_ / "data_dir" / "containers"));
}

TEST_F(OciTest, TheSameLayerTwiceRuns) {
  auto image = busybox_image();
  const auto x = tar({{"x", "1"}}), no_x = tar({{".wh.x", ""}});
  image.layers.insert(image.layers.end(), {x, no_x, x});
  image.name = "case.local/twice:1";
  import(image);
  auto config = shell("ls /x");
  config.mutable_image()->set_image("case.local/twice:1");
  EXPECT_EQ(wait_exit(run(run_sandbox(pod()), config)).exit_code(), 0);
}

// How / of `where` is mounted: "rw" or "ro" of the uppermost mount there.
constexpr const char* kSys = "grep ' /sys ' /proc/mounts | tail -n 1 | cut -d' ' -f4 | cut -c1-2";

TEST_F(OciTest, SysfsIsWritableForThePrivilegedAlone) {
  for (const bool plain_first : {true, false}) {
    const auto sandbox = run_sandbox(pod(plain_first ? "plain-first" : "privileged-first"));
    auto privileged = shell("sleep 1000", "privileged");
    privileged.mutable_linux()->mutable_security_context()->set_privileged(true);
    std::string plain, other;
    if (plain_first) plain = run(sandbox, shell("sleep 1000", "plain"));
    const auto id = run(sandbox, privileged);
    if (!plain_first) plain = run(sandbox, shell("sleep 1000", "plain"));
    const auto last = run(sandbox, shell("sleep 1000", "last"));
    const auto* change = "echo 100 > /sys/class/net/lo/tx_queue_len";
    EXPECT_EQ(exec_out(id, kSys), "rw\n");
    EXPECT_EQ(exec(id, change)->exit_code(), 0);
    for (const auto& ordinary : {plain, last}) {
      EXPECT_EQ(exec_out(ordinary, kSys), "ro\n");
      EXPECT_NE(exec(ordinary, change)->exit_code(), 0);
    }
  }
}

TEST_F(OciTest, LowPortsAndPingsAreNoPrivilege) {
  const auto* show = "cd /proc/sys/net/ipv4; cat ip_unprivileged_port_start ping_group_range | tr '\\t' ' '";
  const auto ordinary = run(run_sandbox(pod("ordinary")), shell("sleep 1000"));
  EXPECT_EQ(exec_out(ordinary, show), "0\n0 2147483647\n");
  // The pod's own word counts, whichever way it is written.
  auto config = pod("own");
  (*config.mutable_linux()->mutable_sysctls())["net/ipv4/ip_unprivileged_port_start"] = "80";
  (*config.mutable_linux()->mutable_sysctls())["net.ipv4.ping_group_range"] = "1 0";
  EXPECT_EQ(exec_out(run(run_sandbox(config), shell("sleep 1000")), show), "80\n1 0\n");
  // The host's stay as they are.
  const auto before =
      *read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start") + *read_file("/proc/sys/net/ipv4/ping_group_range");
  auto host = pod("host");
  auto container = shell("sleep 1000");
  for (auto* options : {host.mutable_linux()->mutable_security_context()->mutable_namespace_options(),
                        container.mutable_linux()->mutable_security_context()->mutable_namespace_options()})
    options->set_network(cri::NODE);
  run(run_sandbox(host), container);
  EXPECT_EQ(
      *read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start") + *read_file("/proc/sys/net/ipv4/ping_group_range"),
      before);
}

}  // namespace
}  // namespace gantry::oci::test
