// Instances that end at any point, and the ones that take their place. Run as root.
#include <sys/mount.h>

#include "oci_fixture.hpp"

namespace gantry::oci::test {
namespace {

using RecoveryTest = OciTest;

TEST_F(RecoveryTest, ANewInstanceFindsWhatRuns) {
  const auto sandbox = run_sandbox(pod());
  const auto id = run(sandbox, shell("echo start; sleep 1000"));
  const auto created = create(sandbox, shell("exit 5", "created"));
  const auto pid = pid_of(id);
  const auto before = sandbox_status(sandbox);
  restart();
  EXPECT_EQ(pid_of(id), pid);
  EXPECT_EQ(container_status(id).state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(container_status(*created).state(), cri::CONTAINER_CREATED);
  const auto after = sandbox_status(sandbox);
  EXPECT_EQ(after.status().state(), cri::SANDBOX_READY);
  EXPECT_EQ(after.status().created_at(), before.status().created_at());
  EXPECT_EQ(after.info().at("pid"), before.info().at("pid"));
  EXPECT_EQ(after.info().at("netns"), before.info().at("netns"));
  EXPECT_EQ(exec_out(id, "echo in"), "in\n");
  // Exits are still told.
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(events_.wait_for(sandbox, id));
  EXPECT_EQ(container_status(id).exit_code(), 137);
  EXPECT_TRUE(start_container(*created).ok());
  EXPECT_EQ(wait_exit(*created).exit_code(), 5);
}

TEST_F(RecoveryTest, ExitsThatHappenedMeanwhileAreSeen) {
  const auto sandbox = run_sandbox(pod());
  const auto id = run(sandbox, shell("trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done"));
  EXPECT_TRUE(eventually([&] { return log().find("ready") != std::string::npos; }));
  const auto pid = pid_of(id);
  const auto process = process_of(pid);
  stop();
  ::kill(pid, SIGTERM);
  EXPECT_TRUE(eventually([&] { return !alive(process) && processes_with_argument("conmon", id).empty(); }));
  start();
  EXPECT_EQ(container_status(id).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(container_status(id).exit_code(), 4);
  EXPECT_GT(container_status(id).finished_at(), container_status(id).started_at());
}

TEST_F(RecoveryTest, APodWithoutPauseIsNotReadyAndIsTold) {
  const auto sandbox = run_sandbox(pod());
  const auto pid = std::atoi(sandbox_status(sandbox).info().at("pid").c_str());
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(events_.wait_for(sandbox, ""));
  EXPECT_EQ(sandbox_status(sandbox).status().state(), cri::SANDBOX_NOTREADY);
  EXPECT_EQ(create(sandbox, shell("true")).error().code(), 409);
  restart();
  EXPECT_EQ(sandbox_status(sandbox).status().state(), cri::SANDBOX_NOTREADY);
}

TEST_F(RecoveryTest, AContainerWithoutConmonRunsOnAndItsEndIsTold) {
  const auto sandbox = run_sandbox(pod());
  const auto id = run(sandbox, shell("sleep 1000"));
  for (const auto& conmon : processes_with_argument("conmon", id)) ::kill(conmon.pid, SIGKILL);
  EXPECT_TRUE(eventually([&] { return processes_with_argument("conmon", id).empty(); }));
  EXPECT_EQ(container_status(id).state(), cri::CONTAINER_RUNNING);
  ::kill(pid_of(id), SIGKILL);
  EXPECT_TRUE(events_.wait_for(sandbox, id));
  EXPECT_EQ(container_status(id).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(container_status(id).exit_code(), 255);
  EXPECT_EQ(container_status(id).reason(), "ContainerStatusUnknown");
}

TEST_F(RecoveryTest, AHalfMadeSandboxGoes) {
  const auto sandbox = run_sandbox(pod());
  stop();
  // As if the daemon had died before its last write of this sandbox.
  const auto folder = base_ / "data_dir" / "sandboxes" / sandbox;
  auto record = load_sandbox(folder);
  ASSERT_TRUE(record.ok());
  const auto pause = record->pause;
  record->phase = SandboxRecord::Phase::Creating;
  record->pause = {};
  ASSERT_TRUE(save(folder, *record).ok());
  fs::create_directories(base_ / "data_dir" / "sandboxes" / "0000");
  start();
  EXPECT_TRUE(list_sandboxes().empty());
  EXPECT_TRUE(eventually([&] { return !alive(pause); }));
  stop();
  expect_nothing_left();
  start();
}

TEST_F(RecoveryTest, AHalfStartedContainerCanBeStarted) {
  const auto sandbox = run_sandbox(pod());
  const auto id = create(sandbox, shell("echo ran; exit 3"));
  ASSERT_TRUE(id.ok());
  stop();
  // As if the daemon had died between conmon's start and the runtime's.
  const auto folder = base_ / "data_dir" / "containers" / *id;
  auto record = load_container(folder);
  ASSERT_TRUE(record.ok());
  record->phase = ContainerRecord::Phase::Starting;
  ASSERT_TRUE(save(folder, *record).ok());
  ASSERT_TRUE(make_dirs(folder / "conmon").ok());
  ASSERT_TRUE(make_dirs(fs::path(record->log_path).parent_path()).ok());
  const OciTool tool({"conmon", base_ / "run_dir" / "oci", base_ / "run_dir" / "sock", 0});
  const auto created = tool.create({*id, record->runtime, folder / "bundle", folder / "conmon", record->log_path});
  ASSERT_TRUE(created.ok()) << created.error().message();
  EXPECT_TRUE(tool.waits_for_start(record->runtime, *id, created->init));
  start();
  EXPECT_EQ(container_status(*id).state(), cri::CONTAINER_CREATED);
  EXPECT_FALSE(alive(created->init));
  EXPECT_TRUE(start_container(*id).ok());
  EXPECT_EQ(wait_exit(*id).exit_code(), 3);
  const auto text = log();
  EXPECT_EQ(text.find("ran"), text.rfind("ran"));
}

// The daemon is dead, its runtime is not: it would make the container after the next daemon has cleaned up.
TEST_F(RecoveryTest, AToolThatRunsOnIsEndedFirst) {
  const auto sandbox = run_sandbox(pod());
  const auto id = create(sandbox, shell("exit 3"));
  ASSERT_TRUE(id.ok());
  stop();
  const auto folder = base_ / "data_dir" / "containers" / *id;
  auto record = load_container(folder);
  ASSERT_TRUE(record.ok());
  record->phase = ContainerRecord::Phase::Starting;
  // A runtime that takes its time, by the real one's name.
  const auto slow = base_ / fs::path(record->runtime).filename();
  fs::copy_file("/bin/sh", slow);
  record->runtime = slow.string();
  ASSERT_TRUE(save(folder, *record).ok());
  Spawn what;
  what.arguments = {slow.string(), "-c", "while :; do :; done", *id};
  const auto orphan = spawn(what);
  ASSERT_TRUE(orphan.ok());
  const auto process = process_of(*orphan);
  start();
  EXPECT_EQ(container_status(*id).state(), cri::CONTAINER_CREATED);
  EXPECT_FALSE(alive(process));
  ::kill(*orphan, SIGKILL);
  oci::wait_exit(*orphan);
}

TEST_F(RecoveryTest, AStartThatSucceededUnrecordedIsKept) {
  const auto sandbox = run_sandbox(pod());
  const auto id = run(sandbox, shell("sleep 1000"));
  const auto pid = pid_of(id);
  stop();
  const auto folder = base_ / "data_dir" / "containers" / id;
  auto record = load_container(folder);
  record->phase = ContainerRecord::Phase::Starting;
  record->init = record->conmon = {};
  ASSERT_TRUE(save(folder, *record).ok());
  start();
  EXPECT_EQ(pid_of(id), pid);
}

TEST_F(RecoveryTest, AHalfMadeContainerGoes) {
  const auto sandbox = run_sandbox(pod());
  const auto id = create(sandbox, shell("true"));
  ASSERT_TRUE(id.ok());
  stop();
  const auto folder = base_ / "data_dir" / "containers" / *id;
  fs::remove(folder / "record.json");
  start();
  cri::ListContainersRequest all;
  EXPECT_EQ(call<cri::ListContainersResponse>(table_->list_containers, all)->containers_size(), 0);
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(RecoveryTest, ARebootLeavesExitedContainersAndNoMounts) {
  const auto sandbox = run_sandbox(pod());
  const auto id = run(sandbox, shell("sleep 1000"));
  const auto pid = pid_of(id);
  stop();
  // What a reboot does: every process is gone, and so are mounts and run_dir.
  for (const auto& conmon : processes_with_argument("conmon", id)) ::kill(conmon.pid, SIGKILL);
  ::kill(pid, SIGKILL);
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto line = read_file(entry.path() / "cmdline");
    if (line && line->find(base_.string()) != std::string::npos)
      ::kill(std::atoi(entry.path().filename().c_str()), SIGKILL);
  }
  EXPECT_TRUE(eventually([&] { return processes_of_test().empty(); }));
  ASSERT_TRUE(unmount_below(base_).ok());
  ASSERT_TRUE(Cgroups::of_host().remove(host_->cgroup).ok());
  fs::remove_all(base_ / "run_dir");
  start();
  EXPECT_EQ(container_status(id).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(container_status(id).exit_code(), 255);
  EXPECT_EQ(sandbox_status(sandbox).status().state(), cri::SANDBOX_NOTREADY);
  auto again = pod();
  again.mutable_metadata()->set_attempt(1);
  EXPECT_EQ(wait_exit(run(run_sandbox(again), shell("exit 2"))).exit_code(), 2);
}

// A daemon that is killed at any moment of a pod's life: what the next one finds is whole, and can be used and removed.
TEST_F(RecoveryTest, KilledAtAnyMoment) {
  stop();
  int complete = 0;
  for (int i = 0; i < 24; i++) {
    const auto child = ::fork();
    if (child == 0) {
      start();
      const auto sandbox = run_sandbox(pod());
      const auto id = run(sandbox, shell("sleep 1000"));
      exec_out(id, "true");
      remove_sandbox(sandbox);
      ::_exit(HasFailure() ? 1 : 0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(25 * i));
    ::kill(child, SIGKILL);
    oci::wait_exit(child);
    start();
    for (const auto& found : list_sandboxes()) {
      if (found.state() != cri::SANDBOX_READY) continue;
      complete++;
      const auto again = run_sandbox(pod());
      EXPECT_EQ(again, found.id());
      const auto known = create(again, shell("sleep 1000"));
      if (known) {
        // Killed while it removed the pod, it may have ended the container already: that one has had its run.
        const bool ended = container_status(*known).state() == cri::CONTAINER_EXITED;
        const auto started = start_container(*known);
        EXPECT_EQ(started.ok(), !ended) << (started.ok() ? "started twice" : started.message());
      }
      const auto status = sandbox_status(again);
      for (const auto& container : status.containers_statuses()) {
        if (container.state() == cri::CONTAINER_RUNNING) {
          EXPECT_EQ(exec_out(container.id(), "echo in"), "in\n");
        }
      }
    }
    for (const auto& found : list_sandboxes()) remove_sandbox(found.id());
    stop();
    expect_nothing_left();
    ASSERT_FALSE(HasFailure()) << "killed after " << 25 * i << " ms";
  }
  EXPECT_GT(complete, 3);
  start();
}

TEST_F(RecoveryTest, FoldersBehindALink) {
  fs::create_directories(base_ / "real");
  fs::create_directory_symlink(base_ / "real", base_ / "link");
  FakeHost other(base_ / "link");
  other.cgroup = host_->cgroup;
  stop();
  std::swap(host_->base, other.base);
  start();
  import(busybox_image());
  const auto sandbox = run_sandbox(pod());
  const auto id = run(sandbox, shell("sleep 1000"));
  restart();
  EXPECT_EQ(container_status(id).state(), cri::CONTAINER_RUNNING);
  remove_sandbox(sandbox);
  stop();
  std::swap(host_->base, other.base);
  start();
}

TEST_F(RecoveryTest, TwoInstancesDoNotMeet) {
  const auto sandbox = run_sandbox(pod());
  const auto other_base = base_ / "other";
  fs::create_directories(other_base);
  FakeHost other(other_base);
  other.cgroup = host_->cgroup;
  auto made = Runtime::create(sdk::Host(&other.host));
  ASSERT_TRUE(made.ok());
  ASSERT_TRUE((*made)->ready().ok());
  EXPECT_EQ((*made)->list_pod_sandbox({})->items_size(), 0);
  EXPECT_EQ(sandbox_status(sandbox).status().state(), cri::SANDBOX_READY);
}

}  // namespace
}  // namespace gantry::oci::test
