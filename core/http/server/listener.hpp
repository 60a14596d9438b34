// Accepts connections, as long as there is room for them, and spreads them over the loops.
//
// Who has no identity makes room for who comes, one for one, longest waited for first; a part of the descriptors, and
// connections of its own, are kept for the unix socket. All but Lane::loop is used on the loops.
#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/files/unique_fd.hpp"
#include "core/http/io/event_loop.hpp"
#include "core/http/server/connection.hpp"

namespace gantry::http {

// One event loop with the connections on it.
struct Lane : std::enable_shared_from_this<Lane> {
  std::shared_ptr<io::EventLoop> loop;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;
  std::chrono::milliseconds sweep_every{1000};
  bool sweeping = false;

  // Deadlines are looked at now and then: a timer for each connection would cost more than it tells.
  void sweep_later();
};

class Listener : public io::EventLoop::Watcher {
 public:
  // `local`: the unix socket. Lives on the first lane's loop.
  Listener(std::shared_ptr<ServerCore> core, std::vector<std::shared_ptr<Lane>> lanes, io::UniqueFd fd, bool local);

  int fd() const { return fd_.get(); }
  void on_ready(uint32_t events) override;

 private:
  bool admit(int fd);
  bool admit_local();
  bool admit_network(int fd);
  bool is_full() const;
  bool make_room(bool descriptors);
  void keep_spare();
  bool use_spare();
  void rest();

  const std::shared_ptr<ServerCore> core_;
  const std::vector<std::shared_ptr<Lane>> lanes_;
  const io::UniqueFd fd_;
  const bool local_;
  io::UniqueFd spare_;  // given up for the admin when all others are taken
  size_t next_ = 0;
  bool crowded_ = false;
};

}  // namespace gantry::http
