#include "core/isolation/channel.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace gantry::isolation {
namespace {

constexpr size_t kRead = 16 * 1024, kWrite = 128 * 1024;

}  // namespace

ssize_t send_bytes(int fd, std::string_view head, std::string_view tail, std::span<const int> descriptors, int flags) {
  iovec parts[2] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(tail.data()), tail.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)] = {};
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(fd, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

bool make_pair(Fd& one, Fd& other) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  one = Fd(ends[0]);
  other = Fd(ends[1]);
  return true;
}

void Channel::set_timeout(std::chrono::milliseconds timeout) {
  if (timeout == timeout_) return;
  timeout_ = timeout;
  const timeval value = {timeout.count() / 1000, (timeout.count() % 1000) * 1000};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value);
}

Io Channel::send(const Frame& frame, std::string_view payload, std::span<const int> descriptors) {
  Frame marked;
  marked.op = frame.op;
  marked.kind = frame.kind;
  marked.id = frame.id;
  marked.descriptors = static_cast<uint8_t>(descriptors.size());
  const Header header = encode_header(marked, payload.size());
  std::string_view head(header.bytes, kHeaderSize);
  const auto begun = Clock::now();
  while (!head.empty() || !payload.empty()) {
    const ssize_t sent = send_bytes(fd_.get(), head, payload.substr(0, kWrite), descriptors, 0);
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Io::kTimeout : Io::kClosed;
    descriptors = {};
    const auto of_head = std::min(head.size(), static_cast<size_t>(sent));
    head.remove_prefix(of_head);
    payload.remove_prefix(static_cast<size_t>(sent) - of_head);
    // The socket's own timeout is that of each buffer.
    if (!payload.empty() && late(begun)) return Io::kTimeout;
  }
  return Io::kOk;
}

Io Channel::receive(Frame& frame) {
  const auto begun = Clock::now();
  for (bool first = true;; first = false) {
    switch (reader_.next(frame)) {
      case FrameReader::Result::kFrame:
        return !take_descriptors_ || descriptors_.size() >= frame.descriptors ? Io::kOk : Io::kMalformed;
      case FrameReader::Result::kMalformed:
        return Io::kMalformed;
      case FrameReader::Result::kMore:
        if (!first && late(begun)) return Io::kTimeout;
        if (const Io filled = fill(); filled != Io::kOk) return filled;
    }
  }
}

Io Channel::fill() {
  // Large frames are read in large steps, but never more memory is taken than bytes may soon come.
  const size_t step = std::clamp(reader_.missing(), kRead, size_t{1024 * 1024});
  iovec part = {reader_.reserve(step), step};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 2 * kMaxDescriptors)];
  if (take_descriptors_) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
  ssize_t got;
  do {
    got = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  reader_.committed(got > 0 ? static_cast<size_t>(got) : 0);
  if (got == 0) return Io::kClosed;
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Io::kTimeout : Io::kClosed;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); take_descriptors_ && header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      descriptors_.emplace_back(fd);
    }
  }
  return Io::kOk;
}

Fd Channel::take_descriptor() {
  if (descriptors_.empty()) return Fd();
  Fd first = std::move(descriptors_.front());
  descriptors_.pop_front();
  return first;
}

}  // namespace gantry::isolation
