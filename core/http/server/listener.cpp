#include "core/http/server/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace gantry::http {
namespace {

using std::chrono::milliseconds;

// So many make room at once when no descriptor is left.
constexpr int kEndedAtOnce = 16;
// Accepted in one go; when somebody has to go for each, others of the loop have their turn sooner.
constexpr size_t kAccepted = 64, kAcceptedInACrowd = 8;

enum class Room : uint8_t { kPlenty, kLittle, kNone };

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

// Ends who has been waited for longest. False: nobody can go.
bool end_first(Strangers& crowd) {
  auto first = crowd.take_first();
  if (!first) return false;
  const auto loop = first->loop();
  if (loop->in_loop()) {
    first->make_way();
  } else {
    loop->post([first = std::move(first)] { first->make_way(); });
  }
  return true;
}

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
    // He came while those before him had no place yet from which they could go.
    auto& others = local ? core->visitors : core->crowd;
    const auto& most = local ? core->options.local_connections : core->options.anonymous_connections;
    if (others.count() > most) end_first(others);
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

Listener::Listener(std::shared_ptr<ServerCore> core, std::vector<std::shared_ptr<Lane>> lanes, io::UniqueFd fd,
                   bool local)
    : core_(std::move(core)), lanes_(std::move(lanes)), fd_(std::move(fd)), local_(local) {
  keep_spare();
}

void Listener::on_ready(uint32_t) {
  crowded_ = false;
  for (size_t i = 0; i < (crowded_ ? kAcceptedInACrowd : kAccepted); ++i) {
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
  auto& visitors = core_->visitors;
  const size_t most = core_->options.local_connections;
  const auto full = [&] {
    const std::lock_guard lock(core_->mutex);
    return core_->local_connections >= most + visitors.going();
  };
  if (full()) {
    const size_t entering = visitors.entering();
    crowded_ = true;
    if (!end_first(visitors) && (entering == 0 || entering > kAccepted)) {
      core_->tell("local-connections-full", "a connection to the unix socket is refused: " + std::to_string(most) +
                                                " are open, and all of them are at work ([limits] "
                                                "reserved_connections)");
      return false;
    }
  }
  visitors.admit();
  const std::lock_guard lock(core_->mutex);
  ++core_->local_connections;
  return true;
}

bool Listener::admit_network(int fd) {
  const auto descriptors = room_for_descriptors(fd, core_->options.reserved_descriptors);
  const bool few = descriptors != Room::kPlenty;
  if (few || is_full()) {
    // Those just let in have no place yet from which they could go: it gets a little too full until they do.
    const size_t entering = core_->crowd.entering();
    if (!make_room(few) && (entering == 0 || entering > kAccepted)) {
      core_->tell("connections-refused",
                  "a connection is refused: as many are open as may be, and none of them is one without an identity "
                  "that could be ended ([limits] connections, anonymous_connections)");
      return false;
    }
    if (descriptors == Room::kNone) return false;
  }
  core_->crowd.admit();
  const std::lock_guard lock(core_->mutex);
  ++core_->connections;
  return true;
}

bool Listener::is_full() const {
  const auto& options = core_->options;
  if (core_->crowd.count() >= options.anonymous_connections) return true;
  const std::lock_guard lock(core_->mutex);
  // Those who go are still counted.
  return core_->connections >= options.max_connections + core_->crowd.going();
}

bool Listener::make_room(bool few_descriptors) {
  crowded_ = true;
  const bool ended = end_first(core_->crowd);
  if (few_descriptors) {
    core_->tell("descriptors-exhausted",
                "few descriptors are left of " + std::to_string(descriptor_limit()) +
                    ": connections without an identity are ended for new ones, and new ones refused when there are "
                    "none; a higher limit helps (LimitNOFILE= of the unit, or ulimit -n)");
  } else if (ended) {
    core_->tell("connections-full",
                "as many connections are open as may be: for each new one, the one without an identity that has been "
                "waited for longest is ended ([limits] connections, anonymous_connections)");
  }
  return ended;
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
  for (int i = 0; i < kEndedAtOnce && make_room(true); ++i) {
  }
  auto& loop = lanes_[0]->loop;
  loop->modify(fd_.get(), 0);
  loop->after(milliseconds(100), [loop, fd = fd_.get()] { loop->modify(fd, EPOLLIN); });
}

}  // namespace gantry::http
