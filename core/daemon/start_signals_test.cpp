#include "core/daemon/start_signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <future>
#include <iterator>
#include <string>
#include <thread>

namespace gantry::daemon {
namespace {

class StartSignalsTest : public testing::Test {
 protected:
  void SetUp() override {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  void TearDown() override { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  sigset_t before_{};
};

// A thread of this process waits for something.
bool sleeps(pid_t thread) {
  std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
  const std::string text{std::istreambuf_iterator<char>(status), {}};
  return text.find("\nState:\tS") != std::string::npos;
}

TEST_F(StartSignalsTest, AStartWithoutOneIsJustOver) {
  StartSignals signals(std::chrono::seconds(60), [](int) { ADD_FAILURE(); });
  EXPECT_EQ(signals.end(), 0);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(signals.end(), 0) << "the next one is for who waits then";
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  int signal = 0;
  ASSERT_EQ(sigwait(&set, &signal), 0);
  EXPECT_EQ(signal, SIGTERM);
}

TEST_F(StartSignalsTest, AStartThatDoesNotEndIsLeft) {
  std::promise<int> left;
  StartSignals signals(std::chrono::milliseconds(1), [&](int signal) { left.set_value(signal); });
  ::kill(::getpid(), SIGTERM);
  auto heard = left.get_future();
  ASSERT_EQ(heard.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(heard.get(), SIGTERM);
  EXPECT_EQ(signals.end(), SIGTERM);
}

// A start whose signal came, and which ended in time.
TEST_F(StartSignalsTest, AStartThatEndsInTimeKnowsItsSignal) {
  StartSignals signals(std::chrono::seconds(60), [](int) { ADD_FAILURE(); });
  ::kill(::getpid(), SIGINT);
  sigset_t left;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  do {
    sigpending(&left);
  } while (sigismember(&left, SIGINT) != 0 && std::chrono::steady_clock::now() < deadline);
  EXPECT_EQ(signals.end(), SIGINT);
}

TEST_F(StartSignalsTest, WhileItRunsOneAfterTheOther) {
  Signals signals({SIGTERM, SIGINT, SIGHUP});
  for (const int sent : {SIGHUP, SIGHUP, SIGINT, SIGTERM}) {
    ::kill(::getpid(), sent);
    EXPECT_EQ(signals.next(), sent);
  }
  std::thread later([waiting = ::gettid()] {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!sleeps(waiting) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_EQ(signals.next(), SIGTERM) << "it waits";
  later.join();
}

}  // namespace
}  // namespace gantry::daemon
