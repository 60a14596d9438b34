#include "core/apiserver/transport/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace gantry::transport {
namespace {

using std::chrono::milliseconds;

// Beyond a bound for as long as it takes those who give way to go.
constexpr size_t kSlack = 16;
constexpr size_t kEvictAtOnce = 16;

enum class Room : uint8_t { kPlenty, kLittle, kNone };

Room room_of(size_t used, size_t most) {
  if (used < most) return Room::kPlenty;
  return used - most < kSlack ? Room::kLittle : Room::kNone;
}

size_t descriptor_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<size_t>(limit.rlim_cur) : SIZE_MAX;
}

// The kernel gives the lowest number that is free, so that a high one tells how few are left.
Room room_for_descriptors(int fd, size_t reserve) {
  const size_t limit = descriptor_limit();
  const size_t kept = std::min(reserve, limit / 2);
  const auto used = static_cast<size_t>(fd);
  if (used + kept < limit) return Room::kPlenty;
  return used + kept - kept / 4 < limit ? Room::kLittle : Room::kNone;
}

void tune(int fd) {
  int on = 1, idle = 30, interval = 10, count = 4;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

io::UniqueFd spare_descriptor() { return io::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

void adopt(const std::shared_ptr<Lane>& lane, const std::shared_ptr<ServerCore>& core, io::UniqueFd fd, bool local) {
  auto shared = std::make_shared<io::UniqueFd>(std::move(fd));
  lane->loop->post([lane, core, shared, local] {
    auto forget = [lane = std::weak_ptr<Lane>(lane), core, local](Connection* gone) {
      if (auto owner = lane.lock()) owner->connections.erase(gone);
      std::lock_guard lock(core->mutex);
      --(local ? core->local_connections : core->connections);
      core->gone.notify_all();
    };
    auto connection = std::make_shared<Connection>(core, lane->loop, std::move(*shared), local, forget);
    lane->connections.emplace(connection.get(), connection);
    connection->begin();
    lane->sweep_later();
  });
}

}  // namespace

void Lane::sweep_later() {
  if (sweeping || connections.empty()) return;
  sweeping = true;
  loop->after(sweep_every, [self = shared_from_this()] {
    self->sweeping = false;
    auto now = io::EventLoop::Clock::now();
    std::vector<std::shared_ptr<Connection>> all;
    for (auto& [key, connection] : self->connections) all.push_back(connection);
    for (auto& connection : all) connection->check_deadline(now);
    self->sweep_later();
  });
}

void Lane::evict() {
  const auto now = io::EventLoop::Clock::now();
  std::vector<std::shared_ptr<Connection>> found;
  for (auto& [key, connection] : connections) {
    if (connection->gives_way(now)) found.push_back(connection);
  }
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min(found.size(), kEvictAtOnce));
  std::partial_sort(found.begin(), end, found.end(),
                    [](const auto& a, const auto& b) { return a->waits_since() < b->waits_since(); });
  for (auto at = found.begin(); at != end; ++at) (*at)->close();
}

Listener::Listener(std::shared_ptr<ServerCore> core, std::vector<std::shared_ptr<Lane>> lanes, io::UniqueFd fd,
                   bool local)
    : core_(std::move(core)), lanes_(std::move(lanes)), fd_(std::move(fd)), local_(local) {
  keep_spare();
}

void Listener::on_ready(uint32_t) {
  for (int i = 0; i < 64; ++i) {
    io::UniqueFd peer(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!peer.valid()) {
      const bool out = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (!out) return keep_spare();
      // With no descriptor left an empty queue looks the same: it may be given up for nothing.
      if (use_spare()) continue;
      return rest();
    }
    if (!admit(peer.get())) continue;
    adopt(lanes_[next_++ % lanes_.size()], core_, std::move(peer), local_);
    keep_spare();
  }
}

bool Listener::admit(int fd) {
  if (local_) return admit_local();
  if (!admit_network(fd)) return false;
  tune(fd);
  return true;
}

bool Listener::admit_local() {
  {
    const std::lock_guard lock(core_->mutex);
    if (core_->local_connections < core_->options.local_connections) {
      ++core_->local_connections;
      return true;
    }
  }
  core_->tell("connections-full",
              "a connection to the unix socket is refused: " + std::to_string(core_->options.local_connections) +
                  " are open ([limits] reserved_connections)");
  return false;
}

bool Listener::admit_network(int fd) {
  const auto& options = core_->options;
  const auto descriptors = room_for_descriptors(fd, options.reserved_descriptors);
  auto room = std::max(descriptors, room_of(core_->stranger_count, options.anonymous_connections));
  {
    const std::lock_guard lock(core_->mutex);
    room = std::max(room, room_of(core_->connections, options.max_connections));
    if (room != Room::kNone) ++core_->connections;
  }
  if (room == Room::kPlenty) return true;
  if (descriptors != Room::kPlenty) {
    core_->tell("descriptors-exhausted",
                "few descriptors are left of " + std::to_string(descriptor_limit()) +
                    ": idle connections without an identity are closed, and new ones refused; a higher limit helps "
                    "(LimitNOFILE= of the unit, or ulimit -n)");
  } else {
    core_->tell("connections-full",
                "nearly all connections are in use: idle ones without an identity are closed, and new ones refused "
                "([limits] connections, anonymous_connections)");
  }
  make_room();
  return room != Room::kNone;
}

void Listener::make_room() {
  for (const auto& lane : lanes_) {
    if (lane->evicting.exchange(true)) continue;
    lane->loop->post([lane] {
      lane->evicting = false;
      lane->evict();
    });
  }
}

void Listener::keep_spare() {
  if (local_ && !spare_.valid()) spare_ = spare_descriptor();
}

bool Listener::use_spare() {
  if (!spare_.valid()) return false;
  spare_.reset();
  return true;
}

// Out of descriptors: the socket stays readable, so look away for a moment.
void Listener::rest() {
  core_->tell("descriptors-exhausted", "no descriptor is left of " + std::to_string(descriptor_limit()) +
                                           " for a new connection; a higher limit helps (LimitNOFILE= of the unit, or "
                                           "ulimit -n)");
  make_room();
  auto& loop = lanes_[0]->loop;
  loop->modify(fd_.get(), 0);
  loop->after(milliseconds(100), [loop, fd = fd_.get()] { loop->modify(fd, EPOLLIN); });
}

}  // namespace gantry::transport
