// Level-triggered reads and writes; back pressure is a descriptor that nobody looks at.
#include "core/apiserver/streams/fd_pump.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include <cerrno>

#include "core/http/io/socket.hpp"

namespace gantry::streams {
namespace {

constexpr size_t kHighWater = 1 << 20;

void make_nonblocking(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace

FdSource::FdSource(std::shared_ptr<io::EventLoop> loop, int fd, Data data, std::function<void()> ended)
    : loop_(std::move(loop)), fd_(fd), data_(std::make_shared<Data>(std::move(data))), ended_(std::move(ended)) {}

std::shared_ptr<FdSource> FdSource::create(std::shared_ptr<io::EventLoop> loop, int fd, Data data,
                                           std::function<void()> ended) {
  make_nonblocking(fd);
  return std::shared_ptr<FdSource>(new FdSource(std::move(loop), fd, std::move(data), std::move(ended)));
}

void FdSource::start() {
  if (fd_.valid() && !paused_) loop_->add(fd_.get(), EPOLLIN, shared_from_this());
}

// Taken off the loop while paused: a hang-up is reported whatever one asks for.
void FdSource::pause(bool paused) {
  if (paused_ == paused || !fd_.valid()) return;
  paused_ = paused;
  if (paused) {
    loop_->remove(fd_.get());
  } else {
    loop_->add(fd_.get(), EPOLLIN, shared_from_this());
  }
}

void FdSource::close() {
  if (!fd_.valid()) return;
  auto self = shared_from_this();
  loop_->remove(fd_.get());
  fd_.reset();
  data_.reset();
  ended_ = nullptr;
}

void FdSource::on_ready(uint32_t) {
  auto self = shared_from_this();
  for (int i = 0; i < 4 && fd_.valid() && !paused_; ++i) {
    auto buffer = loop_->scratch();
    ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
    if (n > 0) {
      auto data = data_;
      (*data)(std::string_view(buffer.data(), static_cast<size_t>(n)));
      continue;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    auto ended = std::move(ended_);
    close();
    if (ended) ended();
    return;
  }
}

FdSink::FdSink(std::shared_ptr<io::EventLoop> loop, int fd, std::function<void(size_t)> written)
    : loop_(std::move(loop)), fd_(fd), written_(std::move(written)) {}

std::shared_ptr<FdSink> FdSink::create(std::shared_ptr<io::EventLoop> loop, int fd,
                                       std::function<void(size_t)> written) {
  make_nonblocking(fd);
  return std::shared_ptr<FdSink>(new FdSink(std::move(loop), fd, std::move(written)));
}

void FdSink::write(std::string bytes) {
  if (bytes.empty()) return;
  if (!fd_.valid() || finished_) {
    if (written_) written_(bytes.size());
    return;
  }
  queue_.push_back(std::move(bytes));
  if (!watching_) flush();
}

void FdSink::finish() {
  finished_ = true;
  if (queue_.empty()) close();
}

void FdSink::close() {
  if (!fd_.valid()) return;
  auto self = shared_from_this();
  if (watching_) loop_->remove(fd_.get());
  watching_ = false;
  fd_.reset();
  size_t dropped = 0;
  for (const auto& item : queue_) dropped += item.size();
  dropped -= offset_;
  offset_ = 0;
  queue_.clear();
  auto written = std::move(written_);
  written_ = nullptr;
  if (written && dropped > 0) written(dropped);
}

void FdSink::on_ready(uint32_t) {
  auto self = shared_from_this();
  flush();
}

void FdSink::flush() {
  while (!queue_.empty()) {
    const std::string& front = queue_.front();
    ssize_t n = ::write(fd_.get(), front.data() + offset_, front.size() - offset_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (!watching_) loop_->add(fd_.get(), EPOLLOUT, shared_from_this());
      watching_ = true;
      return;
    }
    if (n < 0) {
      close();  // nobody reads any more
      return;
    }
    auto done = static_cast<size_t>(n);
    offset_ += done;
    if (offset_ == front.size()) {
      queue_.pop_front();
      offset_ = 0;
    }
    if (written_) written_(done);
  }
  if (watching_) {
    loop_->remove(fd_.get());
    watching_ = false;
  }
  if (finished_) close();
}

void pump_log(std::shared_ptr<io::EventLoop> loop, int fd, std::shared_ptr<http::Stream> stream) {
  // The source's callbacks hold the stream; the stream holds the source only weakly.
  auto slot = std::make_shared<std::weak_ptr<FdSource>>();
  auto data = [loop, stream, slot](std::string_view bytes) {
    auto source = slot->lock();
    std::vector<http::Chunk> message;
    message.push_back(io::own(std::string(bytes)));
    if (!stream->write(std::move(message))) {
      if (source) source->close();
      return;
    }
    if (stream->queued() < kHighWater || !source) return;
    source->pause(true);
    stream->when_drained([loop, source] { loop->post([source] { source->pause(false); }); });
  };
  auto source = FdSource::create(loop, fd, data, [stream] { stream->end(); });
  *slot = source;
  stream->on_close([loop, slot] {
    loop->post([slot] {
      if (auto target = slot->lock()) target->close();
    });
  });
  loop->post([source] { source->start(); });
}

}  // namespace gantry::streams
