// Containers as pods see them: processes, logs, exits, namespaces, users, files. Run as root.
#include "oci_fixture.hpp"

namespace gantry::oci::test {
namespace {

TEST_F(OciTest, RunsAContainerAndLogsInCriFormat) {
  const auto sandbox = run_sandbox(pod());
  EXPECT_EQ(sandbox.size(), 64u);
  EXPECT_EQ(sandbox_status(sandbox).status().state(), cri::SANDBOX_READY);
  const auto id = run(sandbox, shell("echo out; echo err >&2; exit 3"));
  const auto status = wait_exit(id);
  EXPECT_EQ(status.exit_code(), 3);
  EXPECT_EQ(status.reason(), "Error");
  EXPECT_GT(status.started_at(), 0);
  EXPECT_GE(status.finished_at(), status.started_at());
  EXPECT_TRUE(events_.wait_for(sandbox, id));
  const auto text = log();
  EXPECT_NE(text.find(" stdout F out\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" stderr F err\n"), std::string::npos) << text;
}

TEST_F(OciTest, TellsExitCodes) {
  const auto sandbox = run_sandbox(pod());
  const auto fine = run(sandbox, shell("exit 0", "fine"));
  const auto killed = run(sandbox, shell("kill -9 $$", "killed"));
  EXPECT_EQ(wait_exit(fine).exit_code(), 0);
  EXPECT_EQ(container_status(fine).reason(), "Completed");
  // PID 1 of its namespace can't kill itself: it ends as if nothing had happened.
  EXPECT_EQ(wait_exit(killed).exit_code(), 0);
  const auto victim = run(sandbox, shell("sleep 1000", "victim"));
  ::kill(pid_of(victim), SIGKILL);
  EXPECT_EQ(wait_exit(victim).exit_code(), 137);
  EXPECT_EQ(container_status(victim).reason(), "Error");
}

TEST_F(OciTest, MergesCommandEnvironmentAndUser) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("env; id; pwd; hostname");
  auto& pair = *config.add_envs();
  pair.set_key("GREETING");
  pair.set_value("hello world");
  config.set_working_dir("/new/folder");
  config.mutable_linux()->mutable_security_context()->set_run_as_username("user");
  config.mutable_linux()->mutable_security_context()->add_supplemental_groups(3000);
  const auto id = run(sandbox, config);
  EXPECT_EQ(wait_exit(id).exit_code(), 0) << log();
  const auto text = log();
  for (const auto* line : {"GREETING=hello world", "FROM_IMAGE=yes", "HOSTNAME=host-pod", "PATH=/bin", "/new/folder",
                           "F host-pod", "uid=1000(user) gid=1000(user)", "2000(extra)", "3000"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  EXPECT_EQ(container_status(id).user().linux().uid(), 1000);
}

TEST_F(OciTest, TheEnvironmentCarriesBytes) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("env | grep -a ^KEY= | od -An -tx1; ls -l /dev/.gantry-env; echo pid $$; sleep 1000");
  auto& pair = *config.add_envs();
  pair.set_key("KEY");
  pair.set_value("\xFF\xFEraw");
  auto& plain = *config.add_envs();
  plain.set_key("PLAIN");
  plain.set_value("text");
  config.mutable_linux()->mutable_security_context()->set_run_as_username("user");
  const auto id = run(sandbox, config);
  EXPECT_TRUE(eventually([&] { return log().find("pid 1\n") != std::string::npos; })) << log();
  EXPECT_NE(log().find("4b 45 59 3d ff fe 72 61 77 0a"), std::string::npos) << log();
  EXPECT_NE(log().find("-r--------"), std::string::npos) << log();
  // Commands that are run in it have them too.
  EXPECT_EQ(exec_out(id, "echo $PLAIN; env | grep -a ^KEY= | od -An -tx1"), "text\n 4b 45 59 3d ff fe 72 61 77 0a\n");
}

TEST_F(OciTest, ASignalAsksAndDoesNotWait) {
  const auto sandbox = run_sandbox(pod());
  const auto says = [&](const std::string& name, const std::string& line) {
    return eventually([&] { return log("pod", name).find("F " + line + "\n") != std::string::npos; });
  };
  const auto deaf = run(sandbox, shell("trap 'echo heard' TERM; echo ready; while :; do sleep 0.1; done", "deaf"));
  ASSERT_TRUE(says("deaf", "ready"));
  signal_container(deaf);
  EXPECT_TRUE(says("deaf", "heard"));
  EXPECT_EQ(container_status(deaf).state(), cri::CONTAINER_RUNNING);
  const auto obedient = run(sandbox, shell("trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done", "obedient"));
  ASSERT_TRUE(says("obedient", "ready"));
  signal_container(obedient);
  EXPECT_TRUE(events_.wait_for(sandbox, obedient));
  EXPECT_EQ(container_status(obedient).exit_code(), 5);
  signal_container(obedient);
  signal_container("unknown");
}

TEST_F(OciTest, UsesTheImagesOwnCommand) {
  auto image = busybox_image();
  image.name = "example.com/own:1";
  image.entrypoint = {"/bin/echo", "entry"};
  image.command = {"default"};
  image.user = "user:extra";
  image.stop_signal = "SIGUSR1";
  import(image);
  const auto sandbox = run_sandbox(pod());
  auto config = shell("");
  config.clear_command();
  config.mutable_image()->set_image("example.com/own:1");
  wait_exit(run(sandbox, config));
  EXPECT_NE(log().find("F entry default\n"), std::string::npos) << log();
  config.mutable_metadata()->set_name("args");
  config.set_log_path("args/0.log");
  config.add_args("given");
  const auto id = run(sandbox, config);
  wait_exit(id);
  EXPECT_NE(log("pod", "args").find("F entry given\n"), std::string::npos);
  EXPECT_EQ(container_status(id).user().linux().gid(), 2000);
}

TEST_F(OciTest, AFailedStartIsAnExit) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("");
  config.clear_command();
  config.add_command("/no/such/program");
  const auto id = create(sandbox, config);
  ASSERT_TRUE(id.ok());
  const auto status = start_container(*id);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("no such file"), std::string::npos) << status.message();
  EXPECT_EQ(container_status(*id).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(container_status(*id).exit_code(), 128);
  EXPECT_EQ(container_status(*id).reason(), "StartError");
}

TEST_F(OciTest, RefusesWhatItCannotDo) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("true");
  config.mutable_image()->set_image("example.com/missing");
  EXPECT_EQ(create(sandbox, config).error().code(), 404);
  config = shell("true");
  config.mutable_linux()->mutable_security_context()->set_run_as_username("nosuch");
  EXPECT_NE(create(sandbox, config).error().message().find("unable to find user nosuch"), std::string::npos);
  EXPECT_EQ(create("0123", shell("true")).error().code(), 404);
  auto host_sysctl = pod("sysctl");
  (*host_sysctl.mutable_linux()->mutable_sysctls())["vm.swappiness"] = "1";
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = host_sysctl;
  EXPECT_EQ(call<cri::RunPodSandboxResponse>(table_->run_pod_sandbox, request).error().code(), 400);
  EXPECT_EQ(list_sandboxes().size(), 1u);
}

TEST_F(OciTest, VerbsMayComeTwice) {
  const auto sandbox = run_sandbox(pod());
  EXPECT_EQ(run_sandbox(pod()), sandbox);
  const auto id = create(sandbox, shell("sleep 1000"));
  EXPECT_EQ(*create(sandbox, shell("sleep 1000")), *id);
  EXPECT_TRUE(start_container(*id).ok());
  const auto pid = pid_of(*id);
  EXPECT_TRUE(start_container(*id).ok());
  EXPECT_EQ(pid_of(*id), pid);
  EXPECT_EQ(create(sandbox, shell("sleep 1000")).error().code(), 409);
  stop_container(*id, 0);
  stop_container(*id, 0);
  remove_container(*id);
  remove_container(*id);
  stop_sandbox(sandbox);
  stop_sandbox(sandbox);
  EXPECT_EQ(sandbox_status(sandbox).status().state(), cri::SANDBOX_NOTREADY);
  remove_sandbox(sandbox);
  remove_sandbox(sandbox);
}

TEST_F(OciTest, StopAsksBeforeItKills) {
  const auto sandbox = run_sandbox(pod());
  const auto polite = run(sandbox, shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done", "polite"));
  EXPECT_TRUE(eventually([&] { return log("pod", "polite").find("ready") != std::string::npos; }));
  stop_container(polite, 30);
  EXPECT_EQ(container_status(polite).exit_code(), 7);
  const auto stubborn = run(sandbox, shell("trap '' TERM; echo ready; while :; do sleep 0.05; done", "stubborn"));
  EXPECT_TRUE(eventually([&] { return log("pod", "stubborn").find("ready") != std::string::npos; }));
  const auto before = std::chrono::steady_clock::now();
  stop_container(stubborn, 1);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 1s);
  EXPECT_EQ(container_status(stubborn).exit_code(), 137);
  EXPECT_EQ(container_status(stubborn).state(), cri::CONTAINER_EXITED);
}

TEST_F(OciTest, ContainersOfAPodShareNetworkAndMemory) {
  auto config = pod();
  (*config.mutable_linux()->mutable_sysctls())["net.ipv4.ip_unprivileged_port_start"] = "77";
  const auto sandbox = run_sandbox(config);
  const auto a = run(sandbox, shell("sleep 1000", "a"));
  const auto b = run(sandbox, shell("sleep 1000", "b"));
  const auto netns = (*sandbox_status(sandbox).mutable_info())["netns"];
  struct stat pinned {
  }, seen{};
  ASSERT_EQ(::stat(netns.c_str(), &pinned), 0);
  for (const auto& id : {a, b}) {
    ASSERT_EQ(::stat(("/proc/" + std::to_string(pid_of(id)) + "/ns/net").c_str(), &seen), 0);
    EXPECT_EQ(seen.st_ino, pinned.st_ino);
  }
  exec_out(a, "echo shared > /dev/shm/file");
  EXPECT_EQ(exec_out(b, "cat /dev/shm/file"), "shared\n");
  EXPECT_EQ(exec_out(a, "readlink /proc/self/ns/ipc"), exec_out(b, "readlink /proc/self/ns/ipc"));
  EXPECT_NE(exec_out(a, "readlink /proc/self/ns/pid"), exec_out(b, "readlink /proc/self/ns/pid"));
  EXPECT_EQ(exec_out(a, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start"), "77\n");
  EXPECT_NE(exec_out(a, "cat /proc/net/dev").find("lo:"), std::string::npos);
}

TEST_F(OciTest, ASharedPidNamespaceIsPausesOwn) {
  auto config = pod();
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::POD);
  const auto sandbox = run_sandbox(config);
  auto one = shell("sleep 1000 & sleep 1001 & wait", "one");
  one.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::POD);
  one.mutable_linux()->mutable_security_context()->mutable_capabilities()->add_add_capabilities("SYS_PTRACE");
  const auto id = run(sandbox, one);
  EXPECT_TRUE(eventually([&] { return exec_out(id, "ps").find("sleep 1001") != std::string::npos; }));
  EXPECT_NE(exec_out(id, "cat /proc/1/cmdline | tr '\\0' ' '").find("pause"), std::string::npos);
  // Even who may trace it finds nothing of the host through it.
  EXPECT_EQ(exec_out(id, "ls -A /proc/1/root/"), "");
  // Orphans are reaped.
  exec_out(id, "(sleep 0.1; true) & true");
  EXPECT_TRUE(eventually([&] { return exec_out(id, "cat /proc/[0-9]*/stat").find(") Z ") == std::string::npos; }));
  stop_container(id, 0);
  EXPECT_EQ(container_status(id).exit_code(), 137);
}

TEST_F(OciTest, AHostNetworkPodIsInTheHostsNetwork) {
  auto config = pod();
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(cri::NODE);
  const auto sandbox = run_sandbox(config);
  EXPECT_EQ(sandbox_status(sandbox).info().count("netns"), 0u);
  auto one = shell("sleep 1000");
  one.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(cri::NODE);
  const auto id = run(sandbox, one);
  struct stat own {
  }, seen{};
  ASSERT_EQ(::stat("/proc/self/ns/net", &own), 0);
  ASSERT_EQ(::stat(("/proc/" + std::to_string(pid_of(id)) + "/ns/net").c_str(), &seen), 0);
  EXPECT_EQ(own.st_ino, seen.st_ino);
}

TEST_F(OciTest, MountsAndReadOnlyRoot) {
  const auto sandbox = run_sandbox(pod());
  fs::create_directories(base_ / "volume" / "inner");
  auto config = shell("sleep 1000");
  config.mutable_linux()->mutable_security_context()->set_readonly_rootfs(true);
  config.mutable_linux()->mutable_security_context()->add_readonly_paths("/proc/sys");
  config.mutable_linux()->mutable_security_context()->add_masked_paths("/proc/keys");
  const auto mount = [&](const char* at, const fs::path& from, bool readonly) {
    auto& m = *config.add_mounts();
    m.set_container_path(at);
    m.set_host_path(from.string());
    m.set_readonly(readonly);
  };
  mount("/data/inner", base_ / "volume" / "inner", true);
  mount("/data", base_ / "volume", false);
  mount("/made", base_ / "made", false);
  const auto id = run(sandbox, config);
  EXPECT_EQ(exec_out(id, "echo text > /data/file; cat /data/file"), "text\n");
  EXPECT_NE(exec(id, "echo no > /data/inner/file")->exit_code(), 0);
  EXPECT_NE(exec(id, "echo no > /file")->exit_code(), 0);
  EXPECT_NE(exec(id, "echo no > /proc/sys/kernel/printk")->exit_code(), 0);
  EXPECT_EQ(exec_out(id, "cat /proc/keys"), "");
  EXPECT_TRUE(fs::is_directory(base_ / "made"));
  EXPECT_EQ(*read_file(base_ / "volume" / "file"), "text\n");
}

TEST_F(OciTest, CapabilitiesAndPrivilege) {
  const auto sandbox = run_sandbox(pod());
  const auto effective = [&](const cri::ContainerConfig& config) {
    const auto text = exec_out(run(sandbox, config), "grep CapEff /proc/self/status");
    return std::strtoull(text.substr(text.find(':') + 1).c_str(), nullptr, 16);
  };
  EXPECT_EQ(effective(shell("sleep 1000", "plain")), 0xa80425fbu);
  auto dropped = shell("sleep 1000", "dropped");
  auto& capabilities = *dropped.mutable_linux()->mutable_security_context()->mutable_capabilities();
  capabilities.add_drop_capabilities("ALL");
  capabilities.add_add_capabilities("NET_ADMIN");
  EXPECT_EQ(effective(dropped), uint64_t{1} << 12);
  auto privileged = shell("sleep 1000", "privileged");
  privileged.mutable_linux()->mutable_security_context()->set_privileged(true);
  EXPECT_EQ(effective(privileged), HostFacts::read().bounding);
}

TEST_F(OciTest, LimitsAreInTheCgroupAndCanChange) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("sleep 1000");
  auto& limits = *config.mutable_linux()->mutable_resources();
  limits.set_memory_limit_in_bytes(64 << 20);
  limits.set_cpu_shares(512);
  limits.set_cpu_quota(20000);
  limits.set_cpu_period(100000);
  limits.set_oom_score_adj(-998);
  const auto id = run(sandbox, config);
  const auto cgroups = Cgroups::of_host();
  const auto cgroup = host_->cgroup + "/" + id;
  EXPECT_EQ(cgroups.stats(cgroup).memory_limit, 64u << 20);
  cri::UpdateContainerResourcesRequest update;
  update.set_container_id(id);
  update.mutable_linux()->set_memory_limit_in_bytes(96 << 20);
  const auto updated = call<cri::UpdateContainerResourcesResponse>(table_->update_container_resources, update);
  EXPECT_TRUE(updated.ok()) << updated.error().message();
  EXPECT_EQ(cgroups.stats(cgroup).memory_limit, 96u << 20);
  EXPECT_EQ(container_status(id).resources().linux().memory_limit_in_bytes(), 96 << 20);
  EXPECT_EQ(container_status(id).resources().linux().cpu_shares(), 512);
  const auto stats =
      call<cri::ListContainerStatsResponse>(table_->list_container_stats, cri::ListContainerStatsRequest());
  ASSERT_TRUE(stats.ok());
  ASSERT_EQ(stats->stats_size(), 1);
  EXPECT_GT(stats->stats(0).cpu().usage_core_nano_seconds().value(), 0u);
  EXPECT_GT(stats->stats(0).memory().usage_bytes().value(), 0u);
}

TEST_F(OciTest, AnOutOfMemoryKillIsTold) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("tail /dev/zero");
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(16 << 20);
  config.clear_command();
  for (const auto* word : {"/bin/tail", "/dev/zero"}) config.add_command(word);
  const auto status = wait_exit(run(sandbox, config));
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "OOMKilled");
}

TEST_F(OciTest, TheDefaultFilterKeepsContainersFromMounting) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("sleep 1000");
  auto& context = *config.mutable_linux()->mutable_security_context();
  context.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  const auto id = run(sandbox, config);
  EXPECT_NE(exec_out(id, "grep Seccomp: /proc/self/status").find("2"), std::string::npos);
  EXPECT_EQ(exec_out(id, "echo fork works | cat"), "fork works\n");
  auto free = shell("sleep 1000", "free");
  free.mutable_linux()->mutable_security_context()->mutable_seccomp()->set_profile_type(
      cri::SecurityProfile::Unconfined);
  EXPECT_NE(exec_out(run(sandbox, free), "grep Seccomp: /proc/self/status").find("0"), std::string::npos);
}

TEST_F(OciTest, RemovingARunningPodLeavesNothing) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("mkdir /sys/fs/cgroup/memory/inner /sys/fs/cgroup/inner 2>/dev/null; sleep 1000 & sleep 1000");
  config.mutable_linux()->mutable_security_context()->set_privileged(true);
  run(sandbox, config);
  run(sandbox, shell("sleep 1000", "other"));
  remove_sandbox(sandbox);
  EXPECT_TRUE(list_sandboxes().empty());
  stop();
  expect_nothing_left();
  start();
}

TEST_F(OciTest, TerminalsAndNoLog) {
  const auto sandbox = run_sandbox(pod());
  auto config = shell("test -t 1 && echo a terminal", "tty");
  config.set_tty(true);
  EXPECT_EQ(wait_exit(run(sandbox, config)).exit_code(), 0);
  EXPECT_NE(log("pod", "tty").find("stdout F a terminal"), std::string::npos) << log("pod", "tty");
  auto silent = shell("echo nothing; exit 4", "silent");
  silent.clear_log_path();
  EXPECT_EQ(wait_exit(run(sandbox, silent)).exit_code(), 4);
}

TEST_F(OciTest, ALogIsBounded) {
  stop();
  host_->log_size_max = 20000;
  start();
  const auto sandbox = run_sandbox(pod());
  const auto id =
      run(sandbox, shell("i=0; while [ $i -lt 2000 ]; do echo line $i of many; i=$((i+1)); done; echo last"));
  EXPECT_EQ(wait_exit(id).exit_code(), 0);
  EXPECT_LE(log().size(), 20000u);
  EXPECT_NE(log().find("last"), std::string::npos);
}

TEST_F(OciTest, ListsByFilter) {
  const auto a = run_sandbox(pod("a"));
  const auto b = run_sandbox(pod("b"));
  const auto in_a = run(a, shell("sleep 1000"));
  wait_exit(run(b, shell("true")));
  cri::ListContainersRequest request;
  request.mutable_filter()->mutable_state()->set_state(cri::CONTAINER_RUNNING);
  const auto running = call<cri::ListContainersResponse>(table_->list_containers, request);
  ASSERT_TRUE(running.ok());
  ASSERT_EQ(running->containers_size(), 1);
  EXPECT_EQ(running->containers(0).id(), in_a);
  cri::ListPodSandboxRequest pods;
  (*pods.mutable_filter()->mutable_label_selector())["app"] = "b";
  const auto found = call<cri::ListPodSandboxResponse>(table_->list_pod_sandbox, pods);
  ASSERT_EQ(found->items_size(), 1);
  EXPECT_EQ(found->items(0).id(), b);
}

}  // namespace
}  // namespace gantry::oci::test
