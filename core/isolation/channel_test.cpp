// A peer that is alive and slow: byte by byte.
#include "core/isolation/channel.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

namespace gantry::isolation {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{20};

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() { EXPECT_TRUE(make_pair(ours_, theirs_)); }
  // Until the other end is closed, or patience is over.
  void again_and_again(const std::function<bool()>& what) {
    peer_ = std::thread([this, what] {
      const auto end = Clock::now() + kPatience;
      while (what() && Clock::now() < end) ::poll(nullptr, 0, 1);
      theirs_ = Fd();
    });
  }
  Io timed(const std::function<Io(Channel&)>& what) {
    Channel channel(std::move(ours_), 64 << 20, false);
    channel.set_timeout(std::chrono::milliseconds(100));
    const auto begun = Clock::now();
    const Io got = what(channel);
    EXPECT_LT(Clock::now() - begun, kPatience / 2);
    return got;
  }
  void TearDown() override {
    if (peer_.joinable()) peer_.join();
  }

  Fd ours_, theirs_;
  std::thread peer_;
};

TEST_F(ChannelTest, AFrameThatComesByteByByteIsAwaitedNoLongerThanItMayTake) {
  const Header header = encode_header({Op::kLogWrite, Kind::kPost, 0, 0, {}}, 32 << 20);
  ASSERT_EQ(::send(theirs_.get(), header.bytes, kHeaderSize, 0), static_cast<ssize_t>(kHeaderSize));
  again_and_again([this] { return ::send(theirs_.get(), "x", 1, MSG_NOSIGNAL) == 1; });
  EXPECT_EQ(timed([](Channel& channel) {
              Frame frame;
              return channel.receive(frame);
            }),
            Io::kTimeout);
}

TEST_F(ChannelTest, WhoReadsByteByByteIsWrittenToNoLongerThanItMayTake) {
  again_and_again([this] {
    char some[4096];
    return ::recv(theirs_.get(), some, sizeof some, 0) > 0;
  });
  const std::string payload(60 << 20, 'x');
  EXPECT_EQ(timed([&](Channel& channel) {
              return channel.send({Op::kLogWrite, Kind::kPost, 0, 0, {}}, payload);
            }),
            Io::kTimeout);
}

}  // namespace
}  // namespace gantry::isolation
