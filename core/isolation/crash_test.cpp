// Everything a plugin can do to itself: the calls under way fail with the cause, it is told once, nothing is left
// behind.
#include <fstream>
#include <thread>

#include "core/isolation/testing_fixture.hpp"

namespace gantry::isolation {
namespace {

using std::chrono::milliseconds;

#ifdef GANTRY_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

struct Trouble {
  const char* key;
  const char* argument;
  const char* cause;
  int deadline_ms = 30'000;
};

void PrintTo(const Trouble& trouble, std::ostream* out) { *out << trouble.key << " " << trouble.argument; }

class TroubleTest : public IsolationTest, public testing::WithParamInterface<Trouble> {};

TEST_P(TroubleTest, EndsThePluginAlone) {
  const auto& trouble = GetParam();
  auto with_deadline = options("good");
  with_deadline.call_deadline = milliseconds(trouble.deadline_ms);
  // A second call that waits in its host when the process ends.
  std::promise<void> waits, go_on;
  auto released = go_on.get_future().share();
  host_.api = [&](const abi::ApiRequest& request) {
    waits.set_value();
    released.wait();
    return TestingHost::object(TestingHost::named(request.name()));
  };
  ASSERT_NO_FATAL_FAILURE(start(std::move(with_deadline)));
  Answer other;
  std::thread second([&] { other = reconcile("write", "other"); });
  waits.get_future().wait();

  const auto first = reconcile(trouble.key, trouble.argument);
  EXPECT_EQ(cause(), trouble.cause);
  go_on.set_value();
  second.join();
  const auto sentence = std::string("plugin good: its process has ended: ") + trouble.cause;
  const auto later = reconcile("write", "later");
  for (const auto& answer : {first, other, later}) {
    EXPECT_EQ(answer.status.code(), 503);
    EXPECT_EQ(answer.status.message(), sentence);
  }
  close();
  EXPECT_EQ(exits_.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    All, TroubleTest,
    testing::Values(Trouble{"crash", "", "killed by SIGSEGV"}, Trouble{"abort", "", "killed by SIGABRT"},
                    Trouble{"exit", "", "exited with status 5"},
                    Trouble{"loop", "", "did not answer reconcile within 2 s and was killed", 2'000},
                    Trouble{"garbage", "3", "sent a malformed frame: unknown operation 61166"},
                    Trouble{"garbage", "lane", "sent a malformed frame: unknown operation 61166"},
                    Trouble{"oversized", "3",
                            "sent a malformed frame: 4042322160 bytes of payload, at most 16781312 are allowed"},
                    Trouble{"oversized", "lane",
                            "sent a malformed frame: 4042322160 bytes of payload, at most 16781312 are allowed"},
                    Trouble{"stray", "3", "sent a malformed frame: an answer with the unknown id 99"},
                    Trouble{"stray", "lane", "sent a malformed frame: an answer to map with the unknown id 99"},
                    Trouble{"close", "", "closed its connection to the daemon"}));

TEST_F(IsolationTest, LoopInATimer) {
  auto hasty = options("good");
  hasty.call_deadline = milliseconds(2'000);
  ASSERT_NO_FATAL_FAILURE(start(std::move(hasty)));
  ASSERT_TRUE(reconcile("timer-loop").status.ok());
  host_.fire_timers();
  EXPECT_EQ(cause(), "did not return from a timer or an answer to call_async within 2 s and was killed");
}

// Memory of the daemon's does not pay for a process that asks and does not read.
TEST_F(IsolationTest, AnswersThatNobodyReadsAreBounded) {
  auto large = TestingHost::named("large");
  (*large.mutable_data())["text"] = std::string(1 << 20, 'x');
  host_.api = [&](const abi::ApiRequest& request) {
    if (request.name() == "release") host_.wait_answered(100);
    return TestingHost::object(large);
  };
  ASSERT_NO_FATAL_FAILURE(start("good"));
  const auto counted = reconcile("slow-reader", "100");
  EXPECT_TRUE(counted.status.ok()) << counted.status.message();
  EXPECT_GE(counted.number, 34);
  EXPECT_LE(counted.number, 36);
}

TEST_F(IsolationTest, QuestionsAreLeftWhileTheirAnswersAreNotRead) {
  auto large = TestingHost::named("large");
  (*large.mutable_data())["text"] = std::string(1 << 20, 'x');
  host_.cache.push_back(large.SerializeAsString());
  auto hasty = options("good");
  hasty.call_deadline = milliseconds(2'000);
  ASSERT_NO_FATAL_FAILURE(start(std::move(hasty)));
  ASSERT_TRUE(reconcile("greedy-timer").status.ok());
  host_.fire_timers();
  EXPECT_NE(cause().find("within 2 s and was killed"), std::string::npos);
  const auto notes = host_.notes();
  const auto lists = std::count(notes.begin(), notes.end(), "list");
  EXPECT_GE(lists, 15);
  EXPECT_LE(lists, 18);
}

// Stopping, the daemon gives calls that are under way a short time, and later ones no longer.
TEST_F(IsolationTest, AStopDoesNotWaitForCallsThatHang) {
  for (const bool begun : {true, false}) {
    auto hasty = options("good");
    hasty.stop_deadline = milliseconds(1'000);
    exits_.clear();
    exited_ = {};
    std::promise<void> asked;
    host_.api = [&](const abi::ApiRequest& request) {
      asked.set_value();
      return TestingHost::object(TestingHost::named(request.name()));
    };
    ASSERT_NO_FATAL_FAILURE(start(std::move(hasty)));
    EXPECT_FALSE(library_->lost());
    if (!begun) library_->hurry();
    Answer answer;
    std::thread call([&] { answer = reconcile("call-then-loop", "x"); });
    asked.get_future().wait();
    if (begun) library_->hurry();
    call.join();
    EXPECT_EQ(answer.status.code(), 503);
    EXPECT_EQ(cause(), begun ? "was at work 1 s after the daemon had begun to stop and was killed"
                             : "did not answer reconcile within 1 s and was killed");
    EXPECT_TRUE(library_->lost());
    close();
  }
}

TEST_F(IsolationTest, WhoIsNotAtWorkLivesOnThroughAStop) {
  auto hasty = options("good");
  hasty.stop_deadline = milliseconds(1'000);
  ASSERT_NO_FATAL_FAILURE(start(std::move(hasty)));
  library_->hurry();
  const auto end = std::chrono::steady_clock::now() + milliseconds(1'500);
  while (std::chrono::steady_clock::now() < end) {
    EXPECT_TRUE(reconcile("clock").status.ok());
    ::usleep(1'000);  // what is measured: calls across the deadline
  }
  EXPECT_TRUE(exits_.empty());
}

TEST_F(IsolationTest, LeakUpToTheLimitOfAddressSpace) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs address space without end";
  auto limited = options("good");
  limited.memory_limit = 64 * 1024 * 1024;
  ASSERT_NO_FATAL_FAILURE(start(std::move(limited)));
  EXPECT_TRUE(reconcile("write", "one").status.ok());
  const auto answer = reconcile("leak");
  EXPECT_EQ(answer.status.code(), 503);
  EXPECT_EQ(cause(), "ended: it reached its memory limit");
}

TEST_F(IsolationTest, LeakUpToTheLimitOfTheCgroup) {
  const fs::path memory = fs::exists("/sys/fs/cgroup/cgroup.controllers") ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
  const auto parent = memory / ("gantry-isolation-test-" + std::to_string(::getpid()));
  std::error_code error;
  if (!fs::create_directory(parent, error)) GTEST_SKIP() << "no cgroup can be made: " << error.message();
  if (fs::exists("/sys/fs/cgroup/cgroup.controllers")) std::ofstream(parent / "cgroup.subtree_control") << "+memory";
  auto limited = options("good");
  limited.memory_limit = 128 * 1024 * 1024;
  limited.cgroup_dir = parent;
  ASSERT_NO_FATAL_FAILURE(start(std::move(limited)));
  const auto pid = reconcile("pid").number;
  std::ifstream membership("/proc/" + std::to_string(pid) + "/cgroup");
  const std::string groups((std::istreambuf_iterator<char>(membership)), std::istreambuf_iterator<char>());
  EXPECT_NE(groups.find("plugin-good-"), std::string::npos) << groups;
  EXPECT_EQ(reconcile("leak").status.code(), 503);
  EXPECT_EQ(cause(), "ended: it reached its memory limit");
  close();
  EXPECT_TRUE(fs::remove(parent, error)) << "the plugin's cgroup was left: " << error.message();
}

TEST_F(IsolationTest, EndWhileLoading) {
  const auto status = open(options("exits"));
  EXPECT_EQ(status.code(), 503);
  EXPECT_EQ(status.message(), "plugin exits: its process has ended: exited with status 3");
  EXPECT_EQ(exits_, std::vector<std::string>{"exited with status 3"});
}

TEST_F(IsolationTest, EndInCreate) {
  host_.config["greeting"] = "crash";
  ASSERT_TRUE(open(options("good")).ok());
  const auto status = create();
  EXPECT_EQ(status.code(), 503);
  EXPECT_NE(status.message().find("plugin good: its process has ended: "), std::string::npos) << status.message();
}

TEST_F(IsolationTest, WhatIsNoPlugin) {
  auto text = options("good");
  std::ofstream(text.copy) << "no image";
  const auto status = open(std::move(text));
  EXPECT_EQ(status.code(), 422);
  EXPECT_NE(status.message().find("is not a loadable shared object"), std::string::npos) << status.message();
  auto missing = options("good");
  missing.host = "/nowhere/gantry-plugin-host";
  EXPECT_EQ(open(std::move(missing)).message(), "starting /nowhere/gantry-plugin-host: No such file or directory");
}

TEST_F(IsolationTest, OthersDoNotNotice) {
  ASSERT_NO_FATAL_FAILURE(start("good"));
  auto second = options("good");
  second.on_exit = nullptr;
  auto library = open_isolated(std::move(second));
  ASSERT_TRUE(library.ok());
  void* instance = nullptr;
  ASSERT_EQ((*library)->api().create(&host_.host, &instance, nullptr), 0);
  EXPECT_EQ(reconcile("exit").status.code(), 503);
  EXPECT_EQ(cause(), "exited with status 5");
  const auto& controller =
      *static_cast<const gantry_controller*>((*library)->api().get_interface(instance, GANTRY_CONTROLLER_ID));
  EXPECT_EQ(controller.reconcile(instance, {}, {}, nullptr, nullptr), 0);
  (*library)->api().destroy(instance);
}

}  // namespace
}  // namespace gantry::isolation
