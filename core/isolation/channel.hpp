// One blocking stream socket that carries frames. Used by one thread at a time in each direction.
#pragma once

#include <chrono>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "core/isolation/fd.hpp"
#include "core/isolation/frame.hpp"

namespace gantry::isolation {

enum class Io : uint8_t { kOk, kClosed, kTimeout, kMalformed };

class Channel {
 public:
  // With `take_descriptors` false, descriptors that the other side sends are dropped by the kernel.
  Channel(Fd fd, size_t max_payload, bool take_descriptors)
      : fd_(std::move(fd)), reader_(max_payload), take_descriptors_(take_descriptors) {}

  // How long one send or receive may take, or a few times that when it goes in pieces; zero: for ever.
  void set_timeout(std::chrono::milliseconds timeout);

  // frame.payload is not looked at.
  Io send(const Frame& frame, std::string_view payload, std::span<const int> descriptors = {});
  Io receive(Frame& frame);
  // One after receive() gave a frame with descriptors.
  Fd take_descriptor();

  int fd() const { return fd_.get(); }
  void set_max_payload(size_t size) { reader_.set_max_payload(size); }
  const std::string& complaint() const { return reader_.complaint(); }

 private:
  using Clock = std::chrono::steady_clock;
  bool late(Clock::time_point begun) const { return timeout_.count() > 0 && Clock::now() - begun > timeout_; }
  Io fill();

  Fd fd_;
  FrameReader reader_;
  bool take_descriptors_;
  std::deque<Fd> descriptors_;
  std::chrono::milliseconds timeout_{0};
};

// Writes as much as goes; descriptors travel with the first byte. Gives the count, or -1 and errno.
ssize_t send_bytes(int fd, std::string_view head, std::string_view tail, std::span<const int> descriptors, int flags);

// Two connected ends, closed on exec.
bool make_pair(Fd& one, Fd& other);

}  // namespace gantry::isolation
