// A plugin in its own process behaves as one in the daemon: what it asks of its host, and what is asked of it.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>

#include <thread>

#include "core/isolation/pidfd.hpp"
#include "core/isolation/testing_fixture.hpp"
#include "core/plugin/bounds.hpp"

namespace gantry::isolation {
namespace {

using testing::Test;

TEST_F(IsolationTest, DescriptorAndSpecAreTheImages) {
  ASSERT_NO_FATAL_FAILURE(start("good"));
  const auto& api = library_->api();
  EXPECT_EQ(api.abi_major, GANTRY_ABI_MAJOR);
  EXPECT_STREQ(api.descriptor->name, "isolated");
  EXPECT_STREQ(api.descriptor->version, "1.2.3");
  EXPECT_STREQ(api.descriptor->interfaces[0], GANTRY_CONTROLLER_ID);
  EXPECT_EQ(api.descriptor->interfaces[1], nullptr);
  EXPECT_EQ(api.get_interface(instance_, "gantry.network/1"), nullptr);
  Buffer spec, error;
  ASSERT_EQ(table<gantry_controller>(GANTRY_CONTROLLER_ID).describe(instance_, spec.out(), error.out()), 0);
  abi::ControllerSpec parsed;
  ASSERT_TRUE(parsed.ParseFromArray(spec.view().data(), static_cast<int>(spec.view().size())));
  EXPECT_EQ(parsed.name(), "isolated");
}

TEST_F(IsolationTest, ConfigurationReachesCreate) {
  host_.config["greeting"] = "moin";
  ASSERT_NO_FATAL_FAILURE(start("good"));
  host_.wait_for("log greeting moin");
}

TEST_F(IsolationTest, RefusedCreateSaysWhyAndCanBeTriedAgain) {
  host_.config["greeting"] = "refuse";
  ASSERT_TRUE(open(options("good")).ok());
  const auto status = create();
  EXPECT_EQ(status.code(), 422);
  EXPECT_EQ(status.message(), "told to refuse");
  host_.config.clear();
  EXPECT_TRUE(create().ok());
  void* second = nullptr;
  EXPECT_EQ(library_->api().create(&host_.host, &second, nullptr), 409);
}

TEST_F(IsolationTest, CachesAreRead) {
  // Longer than a frame: lists come in parts.
  for (int i = 0; i < 40; ++i) {
    auto map = TestingHost::named("m" + std::to_string(i));
    (*map.mutable_data())["text"] = std::string(1 << 20, 'x');
    host_.cache.push_back(map.SerializeAsString());
  }
  ASSERT_NO_FATAL_FAILURE(start("good"));
  const auto found = reconcile("cache", "m7");
  EXPECT_TRUE(found.status.ok()) << found.status.message();
  EXPECT_EQ(found.number, 40 * 100 + 1);
  EXPECT_EQ(reconcile("cache", "other").status.code(), 404);
}

TEST_F(IsolationTest, ReadsTheIndexesOfTheHostsCaches) {
  for (int i = 0; i < 40; ++i) host_.cache.push_back(TestingHost::named("m" + std::to_string(i)).SerializeAsString());
  ASSERT_NO_FATAL_FAILURE(start("good"));
  EXPECT_EQ(reconcile("index", "metadata.controller").number, 40);
  host_.wait_for("by_index metadata.controller uid ns app=web");
  EXPECT_EQ(reconcile("index", "data.other").status.code(), 400);
}

TEST_F(IsolationTest, CallsOfAReconcileRunOnItsThread) {
  std::thread::id asked;
  host_.api = [&](const abi::ApiRequest& request) {
    asked = std::this_thread::get_id();
    return TestingHost::object(TestingHost::named(request.name()));
  };
  ASSERT_NO_FATAL_FAILURE(start("good"));
  const auto written = reconcile("write", "one");
  EXPECT_TRUE(written.status.ok()) << written.status.message();
  EXPECT_EQ(asked, std::this_thread::get_id());
  const std::vector<std::string> expected = {"log greeting none", "log made one", "event Normal Made made it",
                                             "queue ns/one 250"};
  EXPECT_EQ(host_.notes(), expected);
}

TEST_F(IsolationTest, ErrorsOfTheHostArriveAsTheyAre) {
  host_.api = [](const abi::ApiRequest&) -> TestingHost::Answer { return Status::conflict("somebody was first"); };
  ASSERT_NO_FATAL_FAILURE(start("good"));
  const auto written = reconcile("write", "one");
  EXPECT_EQ(written.status.code(), 409);
  EXPECT_EQ(written.status.message(), "somebody was first");
}

TEST_F(IsolationTest, AsynchronousCalls) {
  ASSERT_NO_FATAL_FAILURE(start("good"));
  EXPECT_EQ(reconcile("many", "20").number, 20);
}

TEST_F(IsolationTest, ManyWorkers) {
  ASSERT_NO_FATAL_FAILURE(start("good"));
  std::vector<std::thread> workers;
  std::atomic<int> good{0};
  for (int worker = 0; worker < 8; ++worker) {
    workers.emplace_back([&, worker] {
      for (int i = 0; i < 50; ++i) {
        const auto name = std::to_string(worker) + "-" + std::to_string(i);
        if (reconcile("write", name).status.ok()) ++good;
      }
    });
  }
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(good, 400);
}

TEST_F(IsolationTest, ClockAndMetrics) {
  ASSERT_NO_FATAL_FAILURE(start("good"));
  EXPECT_EQ(reconcile("clock").number, host_.now_ns);
  EXPECT_EQ(reconcile("metric").number, 17);
  host_.wait_for("metric 17 2.500000");
}

TEST_F(IsolationTest, TimersFireOverThereAndMayAskTheHost) {
  ASSERT_NO_FATAL_FAILURE(start("good"));
  ASSERT_TRUE(reconcile("timers").status.ok());
  EXPECT_EQ(host_.timers(), 1u);
  host_.fire_timers();
  host_.wait_for("log fired at " + std::to_string(host_.now_ns));
  // Those that have not fired are gone with the instance.
  ASSERT_TRUE(reconcile("timers").status.ok());
  close();
  EXPECT_EQ(host_.timers(), 0u);
  EXPECT_TRUE(exits_.empty());
}

TEST_F(IsolationTest, TasksAskTheHostFromTheirOwnThreads) {
  ASSERT_NO_FATAL_FAILURE(start("good"));
  ASSERT_TRUE(reconcile("task", "pear").status.ok());
  host_.wait_for("log task found pear");
}

TEST_F(IsolationTest, MapGivesKeys) {
  ASSERT_NO_FATAL_FAILURE(start("good"));
  abi::ObjectEvent event;
  event.set_resource("pods");
  std::string keys;
  table<gantry_controller>(GANTRY_CONTROLLER_ID)
      .map(
          instance_, to_slice(event.SerializeAsString()),
          [](void* context, gantry_slice ns, gantry_slice name) {
            *static_cast<std::string*>(context) += std::string(to_view(ns)) + "/" + std::string(to_view(name)) + " ";
          },
          &keys);
  EXPECT_EQ(keys, "ns/pods /second ");
}

TEST_F(IsolationTest, TooLargeAnswersAreRefusedAndNothingElseHappens) {
  auto small = options("good");
  small.max_frame = 64 * 1024;
  ASSERT_NO_FATAL_FAILURE(start(std::move(small)));
  EXPECT_EQ(reconcile("verbose", "1000").status.code(), 409);
  EXPECT_EQ(reconcile("verbose", "100000").status.code(), 413);
  EXPECT_EQ(reconcile("pid", std::string(100'000, 'x')).status.code(), 413);
  EXPECT_TRUE(reconcile("").status.ok());
}

TEST_F(IsolationTest, TooLargeRequestsAreRefusedAndTheProcessLives) {
  auto small = options("good");
  small.max_frame = 64 * 1024;
  ASSERT_NO_FATAL_FAILURE(start(std::move(small)));
  const auto pid = reconcile("pid").number;
  EXPECT_EQ(reconcile("large-request", "1000").number, 0);
  EXPECT_EQ(reconcile("large-request", "100000").number, 413);
  EXPECT_EQ(reconcile("large-async", "100000").number, 4131) << "the other one is answered";
  EXPECT_EQ(reconcile("large-posts", "100000").number, 0);
  EXPECT_EQ(reconcile("pid").number, pid);
  const auto notes = host_.notes();
  EXPECT_NE(std::find(notes.begin(), notes.end(), "log " + std::string(16 * 1024, 'x')), notes.end()) << "cut";
  for (const char* what : {"events record", "queue add"}) {
    EXPECT_TRUE(std::any_of(notes.begin(), notes.end(), [&](const std::string& note) {
      return note.find(std::string(" bytes for ") + what + "; a frame to the daemon holds 65536") != std::string::npos;
    })) << what;
  }
  EXPECT_TRUE(exits_.empty());
}

TEST_F(IsolationTest, TooLargeEventsAreLeftOutAndSaid) {
  auto small = options("good");
  small.max_frame = 64 * 1024;
  ASSERT_NO_FATAL_FAILURE(start(std::move(small)));
  const auto emit = [](void* context, gantry_slice, gantry_slice) { ++*static_cast<int*>(context); };
  int keys = 0;
  const auto map = table<gantry_controller>(GANTRY_CONTROLLER_ID).map;
  map(instance_, to_slice(std::string(100'000, 'x')), emit, &keys);
  EXPECT_EQ(keys, 0);
  host_.wait_for("log plugin good: 100000 bytes for map; a frame to its process holds 65536");
  map(instance_, {}, emit, &keys);
  EXPECT_EQ(keys, 2);
}

TEST_F(IsolationTest, TimersAreBoundedOverThere) {
  ASSERT_NO_FATAL_FAILURE(start("good"));
  EXPECT_EQ(reconcile("many-timers").number, static_cast<int64_t>(plugin::bounds::kTimersInProcess));
  EXPECT_EQ(host_.timers(), plugin::bounds::kTimersInProcess);
}

TEST_F(IsolationTest, TimeThatTheHostTakesIsNotThePlugins) {
  auto hasty = options("good");
  hasty.call_deadline = std::chrono::milliseconds(2'000);
  host_.api = [](const abi::ApiRequest& request) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2'500));  // what is measured, not a wait for something
    return TestingHost::object(TestingHost::named(request.name()));
  };
  ASSERT_NO_FATAL_FAILURE(start(std::move(hasty)));
  EXPECT_TRUE(reconcile("write", "slow").status.ok());
}

TEST_F(IsolationTest, TheDaemonsDescriptorsStayHere) {
  // Without close-on-exec on purpose.
  const Fd leaky(::open("/dev/full", O_RDONLY));
  ASSERT_NO_FATAL_FAILURE(start("good"));
  EXPECT_EQ(reconcile("has-file", "/dev/full").number, 0);
  EXPECT_EQ(reconcile("has-file", "/dev/null").number, 1);
}

TEST_F(IsolationTest, RefusedSystemCalls) {
  auto restricted = options("good");
  restricted.seccomp = true;
  ASSERT_NO_FATAL_FAILURE(start(std::move(restricted)));
  EXPECT_EQ(reconcile("mount").number, EPERM);
  EXPECT_TRUE(reconcile("write", "one").status.ok());
  close();
  if (::getuid() != 0) GTEST_SKIP() << "who is not root may not mount anyway";
  auto allowing = options("good");
  allowing.seccomp = true;
  allowing.seccomp_allow = {"mount"};
  ASSERT_NO_FATAL_FAILURE(start(std::move(allowing)));
  EXPECT_EQ(reconcile("mount").number, ENOENT);
}

TEST_F(IsolationTest, UnknownSystemCallsAreAnError) {
  auto wrong = options("good");
  wrong.seccomp = true;
  wrong.seccomp_allow = {"teleport"};
  EXPECT_EQ(open(std::move(wrong)).message(), "seccomp_allow: teleport is not among the refused system calls");
}

// A second daemon, which opens the plugin, says the plugin's pid, and is killed.
TEST_F(IsolationTest, DiesWithTheDaemon) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  auto prepared = options("good");
  const auto copy = prepared.copy;
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    start(std::move(prepared));
    const auto pid = static_cast<pid_t>(reconcile("pid").number);
    [[maybe_unused]] const auto written = ::write(write_end.get(), &pid, sizeof pid);
    ::pause();
    ::_exit(0);
  }
  write_end.reset();
  pid_t plugin = 0;
  ASSERT_EQ(::read(read_end.get(), &plugin, sizeof plugin), static_cast<ssize_t>(sizeof plugin));
  const Fd watched = open_pidfd(plugin);
  ASSERT_TRUE(watched);
  ::kill(daemon, SIGKILL);
  ::waitpid(daemon, nullptr, 0);
  pollfd ended = {watched.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 20'000), 1);
  ::waitpid(plugin, nullptr, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  fs::remove(copy);
}

}  // namespace
}  // namespace gantry::isolation
