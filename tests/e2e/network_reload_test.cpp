// The pod network's plugin is exchanged a hundred times under traffic between two pods: no datagram is lost, and a TCP
// stream goes on.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <utility>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

constexpr uint16_t kPort = 7000;

class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

// A socket belongs to the network it was made in, whoever uses it: made by a thread that visits the pod's.
Socket socket_in(pid_t process, int type) {
  int made = -1;
  std::thread([&] {
    const Socket network(::open(("/proc/" + std::to_string(process) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    if (::setns(network.get(), CLONE_NEWNET) == 0) made = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  }).join();
  const int size = 4 << 20;
  ::setsockopt(made, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  const timeval limit{10, 0};
  ::setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return Socket(made);
}

sockaddr_in address_of(const std::string& ip) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  return address;
}

template <typename Call>
bool with(const sockaddr_in& address, Call&& call) {
  return call(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(sizeof address)) == 0;
}

// Numbered datagrams, one a millisecond, from `out` to `in`, until told to stop.
class Datagrams {
 public:
  ~Datagrams() { finish(); }
  Datagrams(Socket out, Socket in) : out_(std::move(out)), in_(std::move(in)) {
    sender_ = std::thread([this] {
      for (; !stop_; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
        const uint64_t number = sent_ + 1;
        if (::send(out_.get(), &number, sizeof number, 0) == sizeof number) ++sent_;
      }
      const uint64_t last = 0;
      ::send(out_.get(), &last, sizeof last, 0);
    });
    receiver_ = std::thread([this] {
      uint64_t number = 0;
      while (::recv(in_.get(), &number, sizeof number, 0) == sizeof number && number != 0) {
        ++received_;
        in_order_ = in_order_ && number == received_;
      }
    });
  }
  void finish() {
    stop_ = true;
    if (sender_.joinable()) sender_.join();
    if (receiver_.joinable()) receiver_.join();
  }
  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  bool in_order() const { return in_order_; }

 private:
  Socket out_, in_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> sent_ = 0;
  uint64_t received_ = 0;
  bool in_order_ = true;
  std::thread sender_, receiver_;
};

// A stream of counted numbers, some MB a second.
class Stream {
 public:
  ~Stream() { finish(); }
  Stream(Socket out, Socket in) : out_(std::move(out)), in_(std::move(in)) {
    sender_ = std::thread([this] {
      uint32_t block[1024], next = 0;
      for (; !stop_ && whole_; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
        for (auto& number : block) number = next++;
        whole_ = ::send(out_.get(), block, sizeof block, MSG_NOSIGNAL) == sizeof block;
        if (whole_) sent_ += sizeof block;
      }
      ::shutdown(out_.get(), SHUT_WR);
    });
    receiver_ = std::thread([this] {
      uint32_t block[1024], next = 0;
      ssize_t got = 0;
      while ((got = ::recv(in_.get(), block, sizeof block, MSG_WAITALL)) > 0) {
        received_ += static_cast<uint64_t>(got);
        for (size_t i = 0; i < static_cast<size_t>(got) / sizeof *block; ++i) right_ = right_ && block[i] == next++;
      }
      ended_ = got == 0;
    });
  }
  void finish() {
    stop_ = true;
    if (sender_.joinable()) sender_.join();
    if (receiver_.joinable()) receiver_.join();
  }
  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  bool right() const { return whole_ && right_ && ended_; }

 private:
  Socket out_, in_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> whole_ = true;
  uint64_t sent_ = 0, received_ = 0;
  bool right_ = true, ended_ = false;
  std::thread sender_, receiver_;
};

class NetworkReload : public Suite {
 protected:
  struct Pod {
    pid_t process = -1;
    sockaddr_in address{};
  };
  Pod start_pod(const std::string& name) {
    k({"apply", "-f", "-"}, pod(name, "sleep 1000"));
    k({"wait", "--for=condition=Ready", "pod/" + name, "--timeout=60s"});
    Pod made;
    made.address = address_of(path("pod/" + name, "{.status.podIP}"));
    const auto uid = path("pod/" + name, "{.metadata.uid}");
    for (const auto& [cgroup, pids] : cluster_->container_pids()) {
      if (contains(cgroup, uid) && !pids.empty()) made.process = pids.front();
    }
    return made;
  }
  static std::unique_ptr<Datagrams> datagrams(const Pod& from, const Pod& to) {
    auto in = socket_in(to.process, SOCK_DGRAM), out = socket_in(from.process, SOCK_DGRAM);
    if (!with(to.address, [&](auto... at) { return ::bind(in.get(), at...); })) return nullptr;
    if (!with(to.address, [&](auto... at) { return ::connect(out.get(), at...); })) return nullptr;
    return std::make_unique<Datagrams>(std::move(out), std::move(in));
  }
  static std::unique_ptr<Stream> stream(const Pod& from, const Pod& to) {
    const auto listener = socket_in(to.process, SOCK_STREAM);
    auto out = socket_in(from.process, SOCK_STREAM);
    if (!with(to.address, [&](auto... at) { return ::bind(listener.get(), at...); })) return nullptr;
    if (::listen(listener.get(), 1) != 0) return nullptr;
    if (!with(to.address, [&](auto... at) { return ::connect(out.get(), at...); })) return nullptr;
    Socket in(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return std::make_unique<Stream>(std::move(out), std::move(in));
  }
};

TEST_F(NetworkReload, AHundredTimesUnderTrafficLosesNoPacket) {
  const auto a = start_pod("a"), b = start_pod("b");
  ASSERT_GT(a.process, 0);
  ASSERT_GT(b.process, 0);
  const auto udp = datagrams(a, b);
  const auto tcp = stream(b, a);
  ASSERT_NE(udp, nullptr) << std::strerror(errno);
  ASSERT_NE(tcp, nullptr) << std::strerror(errno);
  int failed = 0;
  for (int i = 0; i < 100; ++i) failed += cluster_->ctl({"plugin", "reload", "bridge"}).code == 0 ? 0 : 1;
  udp->finish();
  tcp->finish();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(cluster_->must({"get", "plugin", "bridge", "-o", "jsonpath={.status.reloads}"}), "100");
  EXPECT_GT(udp->sent(), 100u);
  EXPECT_EQ(udp->received(), udp->sent());
  EXPECT_TRUE(udp->in_order());
  EXPECT_GT(tcp->sent(), 100u * 4096);
  EXPECT_EQ(tcp->received(), tcp->sent());
  EXPECT_TRUE(tcp->right());
}

}  // namespace
}  // namespace gantry::e2e
