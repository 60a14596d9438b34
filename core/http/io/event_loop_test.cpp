// The loop: order of posted work, descriptors, timers, work posted after the end.
#include "core/http/io/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <future>

#include "core/files/unique_fd.hpp"

namespace gantry::io {
namespace {

using namespace std::chrono_literals;

TEST(EventLoop, PostedWorkRunsInOrderOnTheLoop) {
  auto loop = EventLoop::start("test");
  std::vector<int> seen;
  std::promise<bool> done;
  for (int i = 0; i < 100; ++i) loop->post([&seen, i] { seen.push_back(i); });
  loop->post([&] { done.set_value(loop->in_loop()); });
  EXPECT_TRUE(done.get_future().get());
  ASSERT_EQ(seen.size(), 100U);
  EXPECT_EQ(seen.back(), 99);
  EXPECT_FALSE(loop->in_loop());
}

struct Reader : EventLoop::Watcher {
  std::promise<std::string> got;
  int fd = -1;
  EventLoop* loop = nullptr;
  void on_ready(uint32_t) override {
    char buffer[16];
    auto n = ::read(fd, buffer, sizeof(buffer));
    loop->remove(fd);
    got.set_value(std::string(buffer, n > 0 ? static_cast<size_t>(n) : 0));
  }
};

TEST(EventLoop, ReadyDescriptorCallsItsWatcher) {
  auto loop = EventLoop::start("test");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  UniqueFd in(ends[0]), out(ends[1]);
  auto reader = std::make_shared<Reader>();
  reader->fd = in.get();
  reader->loop = loop.get();
  loop->post([&] { loop->add(in.get(), EPOLLIN, reader); });
  ASSERT_EQ(::write(out.get(), "hi", 2), 2);
  EXPECT_EQ(reader->got.get_future().get(), "hi");
}

TEST(EventLoop, TimersFireInOrderAndCancelledOnesDoNot) {
  auto loop = EventLoop::start("test");
  std::string seen;
  std::promise<void> done;
  loop->post([&] {
    loop->after(20ms, [&] { seen += "b"; });
    loop->after(5ms, [&] { seen += "a"; });
    auto id = loop->after(10ms, [&] { seen += "x"; });
    loop->cancel(id);
    loop->after(30ms, [&] { done.set_value(); });
  });
  done.get_future().get();
  EXPECT_EQ(seen, "ab");
}

TEST(EventLoop, WorkAfterStopIsDropped) {
  auto loop = EventLoop::start("test");
  bool ran = false;
  loop->post([&] { ran = true; });
  loop->stop();
  EXPECT_TRUE(ran);
  bool late = false;
  loop->post([&] { late = true; });
  EXPECT_FALSE(late);
}

}  // namespace
}  // namespace gantry::io
