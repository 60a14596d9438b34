// The whole agent: pods from their creation to their end.
#include <fcntl.h>

#include "core/node/agent_fixture.hpp"

namespace gantry::node {
namespace {

TEST_F(AgentTest, RunsAPodAndTakesItDown) {
  create(make_pod("p"));
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  const auto pod = *get("p");
  EXPECT_EQ(pod.status().pod_ip(), "10.42.0.2");
  EXPECT_EQ(pod.status().host_ip(), "192.0.2.1");
  const auto& container = pod.status().container_statuses(0);
  EXPECT_TRUE(container.ready());
  EXPECT_TRUE(container.container_id().starts_with("fake://container-"));
  EXPECT_TRUE(has_event("Created: Container created"));
  EXPECT_TRUE(has_event("Started: Container started"));
  EXPECT_EQ(runtime_.calls("run_pod_sandbox"), 1);
  EXPECT_EQ(runtime_.calls("create_container"), 1);
  remove("p", 5);
  ASSERT_TRUE(until([&] { return !get("p"); })) << log();
  EXPECT_TRUE(nothing_left()) << log();
  EXPECT_TRUE(has_event("Killing: Stopping container c"));
}

// Of both more than the node has threads for pods.
TEST_F(AgentTest, WhatTheRuntimeTakesLongForHoldsUpNoOtherPod) {
  constexpr int kMany = 20;
  const auto name = [](const char* what, int i) { return what + std::to_string(i); };
  for (int i = 0; i < kMany; ++i) create(make_pod(name("end-", i)));
  for (int i = 0; i < kMany; ++i) ASSERT_TRUE(wait_phase(name("end-", i), "Running")) << log();
  runtime_.hold_lasting();
  for (int i = 0; i < kMany; ++i) {
    remove(name("end-", i), 0);
    auto pod = make_pod(name("pull-", i));
    pod.mutable_spec()->mutable_containers(0)->set_image("nowhere:1");
    create(pod);
  }
  ASSERT_TRUE(until([&] { return runtime_.calls("pull_image") == 16 && runtime_.calls("stop_pod_sandbox") == kMany; }))
      << runtime_.calls("pull_image") << log();
  create(make_pod("free"));
  ASSERT_TRUE(wait_phase("free", "Running")) << log();
  EXPECT_EQ(runtime_.calls("pull_image"), 16) << "so many at a time";
  EXPECT_TRUE(has_event("Pulling: Pulling image \"nowhere:1\""));
  EXPECT_EQ(container_status("pull-0").state().waiting().reason(), "ContainerCreating");
  runtime_.let_go();
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(until([&] { return !get(name("end-", i)); })) << log();
    ASSERT_TRUE(until([&] {
      const auto reason = container_status(name("pull-", i)).state().waiting().reason();
      return reason == "ErrImagePull" || reason == "ImagePullBackOff";
    })) << log();
  }
  EXPECT_EQ(runtime_.calls("stop_pod_sandbox"), kMany) << "once each";
}

TEST_F(AgentTest, ARestartedAgentLeavesEverythingAsItIs) {
  create(make_pod("p", {"a", "b"}));
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  ASSERT_TRUE(until([&] { return container_status("p", 1).ready(); }));
  stop_agent();
  const auto before = *get("p");
  const auto containers = runtime_.containers();
  start_agent();
  create(make_pod("later"));
  ASSERT_TRUE(wait_phase("later", "Running")) << log();
  const auto after = *get("p");
  EXPECT_EQ(after.metadata().resource_version(), before.metadata().resource_version());
  EXPECT_EQ(runtime_.calls("run_pod_sandbox"), 2);
  EXPECT_EQ(runtime_.calls("create_container"), 3);
  EXPECT_EQ(runtime_.calls("stop_container"), 0);
  EXPECT_EQ(runtime_.containers().front().id(), containers.front().id());
}

TEST_F(AgentTest, AContainerThatKeepsEndingIsRestartedWithBackoff) {
  create(make_pod("p"));
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  const auto first = running_id();
  runtime_.end(first, 1);
  ASSERT_TRUE(until([&] { return container_status("p").restart_count() == 1 && !running_id().empty(); })) << log();
  EXPECT_EQ(container_status("p").last_state().terminated().exit_code(), 1);
  const auto second = running_id();
  EXPECT_NE(first, second);
  runtime_.end(second, 2);
  ASSERT_TRUE(wait_reason("p", "CrashLoopBackOff")) << log();
  const auto status = container_status("p");
  EXPECT_EQ(status.last_state().terminated().exit_code(), 2);
  EXPECT_EQ(status.state().waiting().message().substr(0, 41), "back-off 10s restarting failed container=");
  EXPECT_EQ(get("p")->status().phase(), "Running");
}

TEST_F(AgentTest, APodThatIsDoneKeepsItsContainersUntilItIsDeleted) {
  auto pod = make_pod("p");
  pod.mutable_spec()->set_restart_policy("Never");
  create(pod);
  runtime_.end(running_id(), 0);
  ASSERT_TRUE(wait_phase("p", "Succeeded")) << log();
  EXPECT_TRUE(until([&] { return network_.attached().empty(); })) << log();
  EXPECT_EQ(runtime_.containers().size(), 1u);
  EXPECT_EQ(container_status("p").state().terminated().reason(), "Completed");
  EXPECT_EQ(get("p")->status().pod_ip(), "10.42.0.2");
  remove("p", 30);
  EXPECT_TRUE(until([&] { return !get("p"); }));
  EXPECT_TRUE(nothing_left()) << log();
}

TEST_F(AgentTest, InitContainersComeFirst) {
  auto pod = make_pod("p");
  *pod.mutable_spec()->add_init_containers() = make_container("i");
  create(pod);
  const auto init = running_id();
  ASSERT_FALSE(init.empty());
  EXPECT_EQ(runtime_.containers().size(), 1u);
  runtime_.end(init, 0);
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  EXPECT_EQ(runtime_.config(running_id()).metadata().name(), "c");
}

TEST_F(AgentTest, AnImageThatIsNotThereIsWaitedFor) {
  auto pod = make_pod("p");
  pod.mutable_spec()->mutable_containers(0)->set_image("absent:1");
  create(pod);
  ASSERT_TRUE(wait_reason("p", "ImagePullBackOff")) << log();
  pod = make_pod("never");
  pod.mutable_spec()->mutable_containers(0)->set_image("absent:1");
  pod.mutable_spec()->mutable_containers(0)->set_image_pull_policy("Never");
  create(pod);
  ASSERT_TRUE(wait_reason("never", "ErrImageNeverPull")) << log();
  EXPECT_EQ(get("never")->status().phase(), "Pending");
}

TEST_F(AgentTest, WhatADaemonLeftHalfDoneIsFinishedOnce) {
  // Created, but the daemon did not live to start it.
  runtime_.fail_next("start_container", 1'000'000);
  create(make_pod("p"));
  ASSERT_TRUE(until([&] { return runtime_.calls("start_container") > 0; }));
  stop_agent();
  runtime_.fail_next("start_container", 0);
  ASSERT_EQ(runtime_.containers().size(), 1u);
  start_agent();
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  EXPECT_EQ(runtime_.containers().size(), 1u);
  EXPECT_EQ(runtime_.sandboxes().size(), 1u);
  EXPECT_EQ(container_status("p").restart_count(), 0);
}

TEST_F(AgentTest, AFailedAttachmentIsTriedAgainInTheSameSandbox) {
  network_.fail_next_add(1);
  create(make_pod("p"));
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  EXPECT_EQ(runtime_.calls("run_pod_sandbox"), 1);
  EXPECT_EQ(network_.attached().size(), 1u);
}

TEST_F(AgentTest, ADeadSandboxIsReplaced) {
  create(make_pod("p"));
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  const auto old = runtime_.sandboxes().front().id();
  runtime_.end_sandbox(old);
  ASSERT_TRUE(until([&] {
    for (const auto& sandbox : runtime_.sandboxes()) {
      if (sandbox.id() != old && sandbox.state() == cri::SANDBOX_READY) return true;
    }
    return false;
  })) << log();
  ASSERT_TRUE(until([&] {
    const auto status = container_status("p");
    return status.ready() && status.restart_count() == 1;
  })) << log();
  EXPECT_EQ(network_.attached().size(), 1u);
  EXPECT_TRUE(has_event("SandboxChanged: Pod sandbox changed, it will be killed and re-created."));
}

TEST_F(AgentTest, StrangersInTheRuntimeAreRemoved) {
  stop_agent();
  runtime_.add_stray_sandbox("nobody");
  fs::create_directories(fs::path(folder_) / "node/logs/ns_name_someone/c");
  start_agent();
  EXPECT_TRUE(nothing_left()) << log();
}

TEST_F(AgentTest, APodDeletedWhileTheAgentWasAwayIsTakenDown) {
  create(make_pod("p"));
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  create(make_pod("forced"));
  ASSERT_TRUE(wait_phase("forced", "Running")) << log();
  stop_agent();
  remove("p", 5);
  remove("forced", 0);
  EXPECT_TRUE(get("p"));
  start_agent();
  EXPECT_TRUE(until([&] { return !get("p"); })) << log();
  EXPECT_TRUE(nothing_left()) << log();
}

TEST_F(AgentTest, TheDeadlineEndsAPod) {
  auto pod = make_pod("p");
  pod.mutable_spec()->set_active_deadline_seconds(1);
  create(pod);
  ASSERT_TRUE(wait_phase("p", "Failed")) << log();
  EXPECT_EQ(get("p")->status().reason(), "DeadlineExceeded");
  EXPECT_TRUE(until([&] { return network_.attached().empty(); }));
}

TEST_F(AgentTest, DeletionSaysHowContainersEnded) {
  runtime_.ignores_stop = true;
  auto pod = make_pod("p");
  pod.mutable_metadata()->add_finalizers("example.com/wait");
  create(pod);
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  remove("p", 1);
  ASSERT_TRUE(wait_phase("p", "Failed")) << log();
  EXPECT_EQ(container_status("p").state().terminated().exit_code(), 137);
  EXPECT_TRUE(nothing_left()) << log();
  EXPECT_TRUE(get("p"));
  const auto patched = client_->call(client::patch_request(
      kPodRef, "default", "p", R"({"metadata":{"finalizers":null}})", client::ApiRequest::MERGE_PATCH));
  EXPECT_TRUE(patched.ok());
  EXPECT_TRUE(until([&] { return !get("p"); }));
}

TEST_F(AgentTest, LogsAndExecSayWhatTheyCannotShow) {
  auto pod = make_pod("p");
  pod.mutable_spec()->mutable_containers(0)->set_image("absent:1");
  pod.mutable_spec()->mutable_containers(0)->set_image_pull_policy("Never");
  const auto made = create(pod);
  ASSERT_TRUE(wait_reason("p", "ErrImageNeverPull")) << log();
  const client::PodRef ref{"default", "p", made.metadata().uid(), "n1"};
  client::LogOptions options;
  options.container = "c";
  const auto logs_status = [&] {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    auto status = agent_->logs(ref, options, ends[1]);
    ::close(ends[0]);
    return status;
  };
  ASSERT_TRUE(until([&] {
    return logs_status().message() == "container \"c\" in pod \"p\" is waiting to start: ErrImageNeverPull";
  })) << logs_status().message();
  options.previous = true;
  EXPECT_EQ(logs_status().message(), "previous terminated container \"c\" in pod \"p\" not found");
  client::ExecOptions exec;
  exec.container = "c";
  exec.command = {"true"};
  const auto session = agent_->exec(ref, exec, -1, -1, -1, [](Expected<int>) {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code(), 400);
}

TEST_F(AgentTest, LogsOfTheInstanceAndTheOneBefore) {
  const auto made = create(make_pod("p"));
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  const auto write = [&](const std::string& id, const std::string& text) {
    for (const auto& status : runtime_.containers()) {
      if (status.id() == id)
        std::ofstream(status.log_path()) << "2026-01-01T00:00:00.000000000Z stdout F " << text << "\n";
    }
  };
  const auto first = running_id();
  write(first, "one");
  runtime_.end(first, 1);
  ASSERT_TRUE(until([&] { return running_id() != first && container_status("p").restart_count() == 1; }));
  write(running_id(), "two");
  const auto read = [&](bool previous) {
    client::LogOptions options;
    options.container = "c";
    options.previous = previous;
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    EXPECT_TRUE(agent_->logs({"default", "p", made.metadata().uid(), "n1"}, options, ends[1]).ok());
    char buffer[64];
    std::string text;
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
    ::close(ends[0]);
    return text;
  };
  EXPECT_EQ(read(false), "two\n");
  EXPECT_EQ(read(true), "one\n");
}

TEST_F(AgentTest, AStatusThatAnotherWroteIsPutRight) {
  create(make_pod("p"));
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  auto pod = *get("p");
  pod.mutable_status()->set_phase("Pending");
  pod.mutable_status()->set_pod_ip("10.9.9.9");
  pod.mutable_metadata()->clear_resource_version();
  auto& foreign = *pod.mutable_status()->add_conditions();
  foreign.set_type("example.com/other");
  foreign.set_status("True");
  ASSERT_TRUE(client_->call(client::update_request(kPodRef, "default", "p", pod.SerializeAsString(), "status")).ok());
  ASSERT_TRUE(wait_phase("p", "Running")) << log();
  EXPECT_EQ(get("p")->status().pod_ip(), "10.42.0.2");
  EXPECT_EQ(get("p")->status().conditions().rbegin()->type(), "example.com/other");
}

TEST_F(AgentTest, OtherNodesAreToldToTheNetwork) {
  corev1::Node other;
  other.mutable_metadata()->set_name("n2");
  other.mutable_spec()->set_pod_cidr("10.42.1.0/24");
  other.mutable_spec()->add_pod_cidrs("10.42.1.0/24");
  auto& address = *other.mutable_status()->add_addresses();
  address.set_type("InternalIP");
  address.set_address("192.0.2.2");
  ASSERT_TRUE(client_->call(client::create_request(kNodeRef, "", other.SerializeAsString())).ok());
  EXPECT_TRUE(until([&] { return network_.others().size() == 1; })) << log();
}

}  // namespace
}  // namespace gantry::node
