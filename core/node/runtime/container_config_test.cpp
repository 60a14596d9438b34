#include "core/node/runtime/container_config.hpp"

#include <gtest/gtest.h>

#include "core/node/agent_testing.hpp"
#include "core/node/runtime/security_config.hpp"

namespace gantry::node {
namespace {

using testing::make_pod;
using testing::set_amounts;

struct Made {
  corev1::Pod pod = make_pod("p");
  cri::Image image;
  cri::PodSandboxConfig sandbox;
  ContainerInput input;

  corev1::Container& container() { return *pod.mutable_spec()->mutable_containers(0); }
  Expected<cri::CreateContainerRequest> request() {
    image.set_id("sha256:abc");
    SandboxInput of_sandbox;
    of_sandbox.pod = &pod;
    of_sandbox.log_directory = "/logs/default_p_uid-p";
    of_sandbox.cgroup_parent = "/gantry/poduid-p";
    sandbox = sandbox_config(of_sandbox);
    input.pod = &pod;
    input.container = &pod.spec().containers(0);
    input.sandbox_id = "s";
    input.sandbox = &sandbox;
    input.image = &image;
    input.memory_capacity = 1 << 30;
    return container_request(input);
  }
};

TEST(ContainerConfig, CarriesTheKubeletsLabelsAndAnnotations) {
  Made made;
  made.input.restart_count = 3;
  const auto request = made.request();
  ASSERT_TRUE(request.ok());
  const auto& config = request->config();
  EXPECT_EQ(config.metadata().name(), "c");
  EXPECT_EQ(config.metadata().attempt(), 3u);
  EXPECT_EQ(config.labels().at("io.kubernetes.pod.name"), "p");
  EXPECT_EQ(config.labels().at("io.kubernetes.pod.namespace"), "default");
  EXPECT_EQ(config.labels().at("io.kubernetes.pod.uid"), "uid-p");
  EXPECT_EQ(config.labels().at("io.kubernetes.container.name"), "c");
  EXPECT_EQ(config.annotations().at("io.kubernetes.container.restartCount"), "3");
  EXPECT_EQ(config.annotations().at("io.kubernetes.container.hash"), container_hash(made.pod.spec().containers(0)));
  EXPECT_EQ(config.log_path(), "c/3.log");
  EXPECT_EQ(config.image().image(), "sha256:abc");
  EXPECT_EQ(config.image().user_specified_image(), "busybox:1");
  EXPECT_EQ(request->sandbox_config().labels().at("io.kubernetes.pod.uid"), "uid-p");
}

TEST(ContainerConfig, ResourcesByQos) {
  Made made;
  auto& resources = *made.container().mutable_resources();
  set_amounts(*resources.mutable_requests(), "100m", "64Mi");
  set_amounts(*resources.mutable_limits(), "500m", "128Mi");
  const auto request = made.request();
  ASSERT_TRUE(request.ok());
  const auto& to = request->config().linux().resources();
  EXPECT_EQ(to.cpu_shares(), 102);
  EXPECT_EQ(to.cpu_quota(), 50'000);
  EXPECT_EQ(to.memory_limit_in_bytes(), 128 << 20);
  EXPECT_EQ(to.oom_score_adj(), 938);
}

TEST(ContainerConfig, NamespacesOfThePod) {
  auto pod = make_pod("p");
  EXPECT_EQ(namespace_options(pod).pid(), cri::CONTAINER);
  EXPECT_EQ(namespace_options(pod).network(), cri::POD);
  pod.mutable_spec()->set_share_process_namespace(true);
  EXPECT_EQ(namespace_options(pod).pid(), cri::POD);
  pod.mutable_spec()->set_host_network(true);
  pod.mutable_spec()->set_host_pid(true);
  pod.mutable_spec()->set_host_ipc(true);
  const auto options = namespace_options(pod);
  EXPECT_EQ(options.network(), cri::NODE);
  EXPECT_EQ(options.pid(), cri::NODE);
  EXPECT_EQ(options.ipc(), cri::NODE);
}

TEST(ContainerConfig, TheContainersSecurityContextWins) {
  auto pod = make_pod("p");
  auto& outer = *pod.mutable_spec()->mutable_security_context();
  outer.set_run_as_user(1000);
  outer.set_run_as_group(2000);
  outer.set_fs_group(3000);
  outer.add_supplemental_groups(4000);
  outer.mutable_seccomp_profile()->set_type("RuntimeDefault");
  auto& container = *pod.mutable_spec()->mutable_containers(0);
  auto& own = *container.mutable_security_context();
  own.set_run_as_user(7);
  own.set_allow_privilege_escalation(false);
  own.set_read_only_root_filesystem(true);
  own.mutable_capabilities()->add_drop("ALL");
  const auto made = container_security(pod, container);
  EXPECT_EQ(made.run_as_user().value(), 7);
  EXPECT_EQ(made.run_as_group().value(), 2000);
  ASSERT_EQ(made.supplemental_groups_size(), 2);
  EXPECT_TRUE(made.no_new_privs());
  EXPECT_TRUE(made.readonly_rootfs());
  EXPECT_EQ(made.capabilities().drop_capabilities(0), "ALL");
  EXPECT_EQ(made.seccomp().profile_type(), cri::SecurityProfile::RuntimeDefault);
  EXPECT_GT(made.masked_paths_size(), 0);
  own.set_privileged(true);
  const auto privileged = container_security(pod, container);
  EXPECT_EQ(privileged.masked_paths_size(), 0);
  EXPECT_EQ(privileged.seccomp().profile_type(), cri::SecurityProfile::Unconfined);
}

TEST(ContainerConfig, RefusesRootWhereItMustNotBe) {
  Made made;
  made.pod.mutable_spec()->mutable_security_context()->set_run_as_non_root(true);
  made.image.mutable_uid()->set_value(0);
  auto request = made.request();
  ASSERT_FALSE(request.ok());
  EXPECT_EQ(request.error().message(),
            "container has runAsNonRoot and image will run as root (pod: \"p_default(uid-p)\", container: c)");
  made.image.mutable_uid()->set_value(5);
  EXPECT_TRUE(made.request().ok());
  made.image.clear_uid();
  made.image.set_username("web");
  request = made.request();
  ASSERT_FALSE(request.ok());
  EXPECT_NE(request.error().message().find("non-numeric user (web)"), std::string::npos);
  made.container().mutable_security_context()->set_run_as_user(5);
  EXPECT_TRUE(made.request().ok());
  made.container().mutable_security_context()->set_run_as_user(0);
  EXPECT_FALSE(made.request().ok());
}

TEST(ContainerConfig, MountsTheHostsFileUnlessAVolumeLiesThere) {
  Made made;
  made.input.hosts_file = "/pods/uid-p/etc-hosts";
  made.input.termination_log = "/pods/uid-p/containers/c/0";
  auto request = made.request();
  ASSERT_TRUE(request.ok());
  ASSERT_EQ(request->config().mounts_size(), 2);
  EXPECT_EQ(request->config().mounts(0).container_path(), "/etc/hosts");
  EXPECT_EQ(request->config().mounts(1).container_path(), "/dev/termination-log");
  made.container().add_volume_mounts()->set_mount_path("/etc/hosts");
  request = made.request();
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->config().mounts_size(), 1);
}

TEST(ContainerConfig, BytesStayInTheEnvironmentAndDoNotReachTheCommand) {
  Made made;
  made.input.environment = {{"KEY", "\xFF\xFEraw"}};
  const auto request = made.request();
  ASSERT_TRUE(request.ok());
  cri::CreateContainerRequest read;
  ASSERT_TRUE(read.ParseFromString(request->SerializeAsString()));
  EXPECT_EQ(read.config().envs(0).value(), "\xFF\xFEraw");
  made.container().add_args("--key=$(KEY)");
  EXPECT_EQ(made.request().error().message(), "an argument is no UTF-8 text once its variables are expanded");
  made.container().clear_args();
  made.container().add_command("$(KEY)");
  EXPECT_EQ(made.request().error().message(), "a word of the command is no UTF-8 text once its variables are expanded");
  made.container().clear_command();
  made.input.mounts = {{"/var/lib/\xFF", "/data"}};
  EXPECT_EQ(made.request().error().message(), "the path of a mount is no UTF-8 text once its variables are expanded");
}

TEST(ContainerConfig, StopSignal) {
  Made made;
  made.container().mutable_lifecycle()->set_stop_signal("SIGUSR1");
  EXPECT_EQ(made.request()->config().stop_signal(), cri::SIGNAL_USR1);
  made.container().mutable_lifecycle()->set_stop_signal("nonsense");
  EXPECT_EQ(made.request()->config().stop_signal(), cri::SIGNAL_RUNTIME_DEFAULT);
}

TEST(SandboxConfig, PortsHostnameAndSysctls) {
  auto pod = make_pod("p");
  auto& port = *pod.mutable_spec()->mutable_containers(0)->add_ports();
  port.set_container_port(80);
  port.set_host_port(8080);
  port.set_protocol("UDP");
  auto& sysctl = *pod.mutable_spec()->mutable_security_context()->add_sysctls();
  sysctl.set_name("net.core.somaxconn");
  sysctl.set_value("9");
  SandboxInput input;
  input.pod = &pod;
  input.attempt = 2;
  input.node_name = "node";
  auto config = sandbox_config(input);
  EXPECT_EQ(config.metadata().attempt(), 2u);
  EXPECT_EQ(config.hostname(), "p");
  ASSERT_EQ(config.port_mappings_size(), 1);
  EXPECT_EQ(config.port_mappings(0).protocol(), cri::UDP);
  EXPECT_EQ(config.linux().sysctls().at("net.core.somaxconn"), "9");
  pod.mutable_spec()->set_host_network(true);
  config = sandbox_config(input);
  EXPECT_EQ(config.hostname(), "node");
  EXPECT_EQ(config.port_mappings_size(), 0);
}

}  // namespace
}  // namespace gantry::node
