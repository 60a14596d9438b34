// Listeners, the loops that connections are spread over, deadlines, and the way down.
#include "core/http/server/https_server.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>

#include "core/http/server/listener.hpp"

namespace gantry::http {
namespace {

using std::chrono::milliseconds;

// `error`: errno as it was right after the call that failed.
Status failed(const std::string& what, int error) { return Status::internal(what + ": " + std::strerror(error)); }

Expected<io::UniqueFd> listen_tcp(const std::string& address) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) return Status::bad_request(address + ": expected host:port");
  std::string host = address.substr(0, colon), port = address.substr(colon + 1);
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = host.empty() ? AF_INET : AF_UNSPEC;
  if (int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found); code != 0) {
    return Status::bad_request(address + ": " + ::gai_strerror(code));
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  io::UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failed("listen on " + address, errno);
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd.get(), 1024) != 0) {
    return failed("listen on " + address, errno);
  }
  return fd;
}

Expected<io::UniqueFd> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return Status::bad_request(path + ": path too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  io::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failed("listen on " + path, errno);
  ::unlink(path.c_str());
  // The mode is set on the descriptor, so that the name never exists with a wider one.
  if (::fchmod(fd.get(), 0600) != 0 || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), 128) != 0) {
    return failed("listen on " + path, errno);
  }
  return fd;
}

uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

milliseconds sweep_interval(const ServerOptions& options) {
  milliseconds shortest = std::min({options.handshake_timeout, options.header_timeout, options.request_timeout,
                                    options.idle_timeout, options.stall_timeout});
  return std::clamp(shortest / 4, milliseconds(10), milliseconds(1000));
}

}  // namespace

struct HttpsServer::Impl {
  std::shared_ptr<ServerCore> core = std::make_shared<ServerCore>();
  std::vector<std::shared_ptr<Lane>> lanes;
  std::vector<std::shared_ptr<Listener>> listeners;
  std::vector<uint16_t> ports;
  bool stopped = false;

  Status listen();
  void on_each_lane(const std::function<void(Lane&)>& work);
};

Status HttpsServer::Impl::listen() {
  std::vector<std::shared_ptr<Listener>> made;
  for (const auto& address : core->options.listen) {
    auto fd = listen_tcp(address);
    if (!fd) return fd.error();
    ports.push_back(port_of(fd->get()));
    made.push_back(std::make_shared<Listener>(core, lanes, std::move(*fd), false));
  }
  if (!core->options.unix_socket.empty()) {
    auto fd = listen_unix(core->options.unix_socket);
    if (!fd) return fd.error();
    made.push_back(std::make_shared<Listener>(core, lanes, std::move(*fd), true));
  }
  listeners = made;
  lanes[0]->loop->post([loop = lanes[0]->loop, made] {
    for (const auto& listener : made) loop->add(listener->fd(), EPOLLIN, listener);
  });
  return {};
}

// Runs on every loop and waits for all.
void HttpsServer::Impl::on_each_lane(const std::function<void(Lane&)>& work) {
  for (auto& lane : lanes) {
    auto done = std::make_shared<std::promise<void>>();
    auto finished = done->get_future();
    lane->loop->post([lane, &work, done] {
      work(*lane);
      done->set_value();
    });
    finished.wait();
  }
}

HttpsServer::HttpsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Expected<std::unique_ptr<HttpsServer>> HttpsServer::start(ServerOptions options, http::Handler& handler) {
  auto impl = std::make_unique<Impl>();
  if (!options.listen.empty()) {
    auto tls = io::TlsContext::server({options.certificate_file, options.key_file, options.client_ca_file});
    if (!tls) return tls.error();
    impl->core->tls = *tls;
  }
  impl->core->handler = &handler;
  impl->core->open_accounts(options);
  size_t threads = std::max<size_t>(options.threads, 1);
  milliseconds sweep = sweep_interval(options);
  impl->core->options = std::move(options);
  for (size_t i = 0; i < threads; ++i) {
    auto lane = std::make_shared<Lane>();
    lane->loop = io::EventLoop::start("http-" + std::to_string(i));
    lane->sweep_every = sweep;
    impl->lanes.push_back(std::move(lane));
  }
  std::unique_ptr<HttpsServer> server(new HttpsServer(std::move(impl)));
  if (Status status = server->impl_->listen(); !status.ok()) return status;
  return server;
}

HttpsServer::~HttpsServer() { stop(milliseconds(0)); }

void HttpsServer::stop(milliseconds drain) {
  Impl& impl = *impl_;
  if (impl.stopped) return;
  impl.stopped = true;
  impl.core->stopping = true;
  impl.on_each_lane([&](Lane& lane) {
    if (&lane == impl.lanes[0].get()) {
      for (auto& listener : impl.listeners) lane.loop->remove(listener->fd());
      impl.listeners.clear();
    }
    std::vector<std::shared_ptr<Connection>> all;
    for (auto& [key, connection] : lane.connections) all.push_back(connection);
    for (auto& connection : all) connection->drain();
  });
  {
    std::unique_lock lock(impl.core->mutex);
    impl.core->gone.wait_for(lock, drain, [&] { return impl.core->connections + impl.core->local_connections == 0; });
  }
  impl.on_each_lane([](Lane& lane) {
    std::vector<std::shared_ptr<Connection>> all;
    for (auto& [key, connection] : lane.connections) all.push_back(connection);
    for (auto& connection : all) connection->close();
  });
  for (auto& lane : impl.lanes) lane->loop->stop();
  if (!impl.core->options.unix_socket.empty()) ::unlink(impl.core->options.unix_socket.c_str());
}

uint16_t HttpsServer::port(size_t index) const { return index < impl_->ports.size() ? impl_->ports[index] : 0; }

size_t HttpsServer::connections() const {
  std::lock_guard lock(impl_->core->mutex);
  return impl_->core->connections + impl_->core->local_connections;
}

}  // namespace gantry::http
