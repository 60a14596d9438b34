// Commands and hooks against a runtime in memory and a clock that is moved by hand: their bounds, and how they end.
#include "core/node/runtime/command_runner.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <thread>

#include "core/files/unique_fd.hpp"
#include "core/node/runtime/fake_runtime.hpp"
#include "core/node/runtime/hooks.hpp"
#include "core/plugin/simulated_time.hpp"

namespace gantry::node {
namespace {

class CommandTest : public ::testing::Test {
 protected:
  static bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  void TearDown() override {
    hooks_.stop();
    commands_.stop();
  }

  plugin::SimulatedClock clock_{1'700'000'000'000'000'000};
  plugin::Timers timers_{clock_, plugin::Timers::Driven::kByHand};
  testing::FakeRuntime runtime_;
  const RuntimeClient client_ = runtime_.client();
  CommandRunner commands_{client_, timers_};
  HookRunner hooks_{commands_, timers_};
};

TEST_F(CommandTest, ThoseThatRunAtTheStopAreToldToNobody) {
  runtime_.holds_execs = true;
  std::atomic<int> told = 0;
  commands_.run("c", {"sleep"}, 10, [&](const auto&) { ++told; });
  ASSERT_TRUE(until([&] { return runtime_.execs() == 1; }));
  EXPECT_EQ(timers_.waiting(), 1u);
  commands_.stop();
  EXPECT_EQ(timers_.waiting(), 0u);
  runtime_.end_execs(0);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(commands_.run("c", {"late"}, 10, [&](const auto&) { ++told; }), 0u);
  EXPECT_EQ(told, 0);
}

TEST_F(CommandTest, OneThatTheRuntimeRefusesHasItsError) {
  runtime_.fail_next("exec");
  std::promise<Status> told;
  commands_.run("c", {"true"}, 10,
                [&](const auto& result) { told.set_value(result.ok() ? Status() : result.error()); });
  auto status = told.get_future();
  ASSERT_EQ(status.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_FALSE(status.get().ok());
  EXPECT_TRUE(until([&] { return timers_.waiting() == 0; }));
}

TEST_F(CommandTest, ASleepIsNoLongerThanTheHookMayTake) {
  corev1::LifecycleHandler handler;
  handler.mutable_sleep()->set_seconds(3'600);
  std::atomic<int> well = 0;
  EXPECT_NE(hooks_.run(handler, {}, 5, [&](const Status& status) { well += status.ok() ? 1 : 0; }), 0u);
  ASSERT_EQ(timers_.waiting(), 1u);
  clock_.set_monotonic(clock_.monotonic_ns() + 5'000'000'000);
  timers_.fire_next();
  EXPECT_EQ(well, 1);
}

// Takes connections and says nothing.
class Silent {
 public:
  Silent() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }
  // The first line of what the next one asks, who is left without an answer.
  std::string request() {
    pollfd wait{fd_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 20'000) != 1) return {};
    peer_.reset(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string text(4'096, '\0');
    const auto n = ::recv(peer_.get(), text.data(), text.size(), 0);
    return text.substr(0, std::min(text.find('\r'), static_cast<size_t>(std::max<ssize_t>(n, 0))));
  }

 private:
  io::UniqueFd fd_, peer_;
  int port_ = 0;
};

TEST_F(CommandTest, AStopDoesNotWaitForARequestWithoutAnAnswer) {
  Silent server;
  corev1::LifecycleHandler handler;
  auto& get = *handler.mutable_http_get();
  get.set_host("127.0.0.1");
  get.set_path("ready");
  get.mutable_port()->set_int_val(server.port());
  std::atomic<int> told = 0;
  EXPECT_NE(hooks_.run(handler, {}, 60, [&](const Status&) { ++told; }), 0u);
  EXPECT_EQ(server.request(), "GET /ready HTTP/1.1");
  const auto begin = std::chrono::steady_clock::now();
  hooks_.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace gantry::node
