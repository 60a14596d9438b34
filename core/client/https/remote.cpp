// The pool, retries on connections that died idle, and the way into an Exchange.
#include "core/client/https/remote.hpp"

#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>
#include <unordered_set>

#include "core/client/https/wire_cut.hpp"
#include "core/http/client/client_connection.hpp"

namespace gantry::client {
namespace {

using http::ClientConnection;
using http::Endpoint;
using http::ResponseSink;
using Duration = io::EventLoop::Clock::duration;

// The connections of one loop. On that loop only.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(std::shared_ptr<io::EventLoop> loop, std::shared_ptr<const Endpoint> endpoint, size_t keep)
      : loop_(std::move(loop)), endpoint_(std::move(endpoint)), keep_(keep) {}

  const std::shared_ptr<io::EventLoop>& loop() const { return loop_; }

  std::shared_ptr<ClientConnection> take() {
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
    auto idle = [weak = weak_from_this()](std::shared_ptr<ClientConnection> connection) {
      if (auto self = weak.lock()) self->put_back(std::move(connection));
    };
    auto closed = [weak = weak_from_this()](const std::shared_ptr<ClientConnection>& connection) {
      if (auto self = weak.lock()) self->forget(connection);
    };
    auto connection = std::make_shared<ClientConnection>(loop_, endpoint_, idle, closed);
    all_.insert(connection);
    return connection;
  }
  bool closed() const { return closed_; }
  void close_all() {
    closed_ = true;
    auto all = std::move(all_);
    all_.clear();
    for (const auto& connection : all) connection->close(Status::unavailable("the client was closed"));
    idle_.clear();
  }

 private:
  void put_back(std::shared_ptr<ClientConnection> connection) {
    if (idle_.size() < keep_) {
      idle_.push_back(std::move(connection));
    } else {
      loop_->post([connection] { connection->close({}); });
    }
  }
  void forget(const std::shared_ptr<ClientConnection>& connection) {
    all_.erase(connection);
    idle_.erase(std::remove(idle_.begin(), idle_.end(), connection), idle_.end());
  }

  const std::shared_ptr<io::EventLoop> loop_;
  const std::shared_ptr<const Endpoint> endpoint_;
  const size_t keep_;
  bool closed_ = false;
  std::vector<std::shared_ptr<ClientConnection>> idle_;
  std::unordered_set<std::shared_ptr<ClientConnection>> all_;
};

// One request on its way, perhaps twice: a connection may have died while it was idle.
struct Attempt : std::enable_shared_from_this<Attempt> {
  std::shared_ptr<Pool> pool;
  http::Request request;
  ResponseSink sink;
  Duration timeout{};
  std::weak_ptr<ClientConnection> connection;
  bool cancelled = false;

  void run() {
    if (cancelled || pool->closed()) {
      const auto why = Status::unavailable(cancelled ? "cancelled" : "the client was closed");
      if (sink.done) std::exchange(sink, {}).done(why);
      return;
    }
    auto used = pool->take();
    connection = used;
    ResponseSink relay;
    relay.head = sink.head;
    relay.body = sink.body;
    relay.done = [self = shared_from_this(), weak = connection](Status status) {
      auto mine = weak.lock();
      bool retry = !status.ok() && mine && mine->used_before() && !mine->answered() && self->request.method == "GET" &&
                   !self->cancelled;
      if (retry) {
        self->pool->loop()->post([self] { self->run(); });
      } else if (self->sink.done) {
        std::exchange(self->sink, {}).done(std::move(status));
      }
    };
    used->send(request, std::move(relay), timeout);
  }
  void cancel() {
    cancelled = true;
    if (auto mine = connection.lock()) mine->close(Status::unavailable("cancelled"));
  }
};

bool is_watch(const http::Request& request) {
  return request.query.find("watch=true") != std::string::npos || request.query.find("watch=1") != std::string::npos;
}

// Collects an answer, or passes a watch on frame by frame.
class Relay {
 public:
  Relay(std::shared_ptr<http::Exchange> exchange, bool watch) : exchange_(std::move(exchange)), watch_(watch) {}

  void head(int code, http::Headers headers, const std::function<void()>& cancel) {
    code_ = code;
    for (auto& [name, value] : headers) {
      if (name == "content-type") type_ = value;
    }
    if (!watch_ || code != 200) return;
    stream_ = exchange_->start_stream(code, type_);
    if (stream_) stream_->on_close(cancel);
  }
  void body(const std::string& piece) {
    if (!stream_) {
      body_ += piece;
      return;
    }
    frames_.append(piece);
    while (!broken_) {
      auto frame = frames_.next();
      if (frame && !*frame) return;
      broken_ = !frame || !stream_->write(std::move(**frame));
      if (broken_) stream_->end();
    }
  }
  void done(const Status& status) {
    auto exchange = std::exchange(exchange_, nullptr);
    if (stream_) {
      std::exchange(stream_, nullptr)->end();
    } else if (!status.ok()) {
      exchange->respond(status_body(status));
    } else if (code_ >= 400 && !body_.starts_with("k8s")) {
      exchange->respond(from_json_status(code_, body_));
    } else {
      http::Response response;
      response.code = code_;
      response.content_type = type_;
      response.body = cut_body(std::move(body_));
      exchange->respond(std::move(response));
    }
  }

 private:
  std::shared_ptr<http::Exchange> exchange_;
  const bool watch_;
  bool broken_ = false;
  int code_ = 0;
  std::string type_, body_;
  std::shared_ptr<http::Stream> stream_;
  FrameSplitter frames_;
};

Expected<Endpoint> unix_endpoint(const std::string& path) {
  Endpoint endpoint;
  auto* address = reinterpret_cast<sockaddr_un*>(&endpoint.address);
  address->sun_family = AF_UNIX;
  if (path.size() >= sizeof(address->sun_path)) return Status::bad_request(path + ": path too long");
  std::memcpy(address->sun_path, path.c_str(), path.size() + 1);
  endpoint.length = sizeof(sockaddr_un);
  endpoint.host_header = "localhost";
  return endpoint;
}

Expected<Endpoint> resolve(std::string authority) {
  authority = authority.substr(0, authority.find('/'));
  Endpoint endpoint;
  endpoint.host_header = authority;
  std::string host = authority, port = "443";
  size_t colon = authority.rfind(':');
  if (colon != std::string::npos && authority.find(']', colon) == std::string::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  endpoint.host = host;
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (int code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); code != 0) {
    return Status::unavailable(authority + ": " + ::gai_strerror(code));
  }
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  endpoint.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return endpoint;
}

Expected<Endpoint> endpoint_of(const ServerConfig& config) {
  constexpr std::string_view kHttps = "https://", kUnix = "unix:";
  if (config.server.starts_with(kUnix)) return unix_endpoint(config.server.substr(kUnix.size()));
  if (!config.server.starts_with(kHttps)) {
    return Status::bad_request(config.server + ": expected https://host:port or unix:/path");
  }
  auto endpoint = resolve(config.server.substr(kHttps.size()));
  if (!endpoint) return endpoint;
  auto tls = io::TlsContext::client({config.ca_pem, config.certificate_pem, config.key_pem, config.insecure});
  if (!tls) return tls.error();
  endpoint->tls = *tls;
  endpoint->token = config.token;
  if (config.insecure) endpoint->host.clear();
  return endpoint;
}

}  // namespace

struct Remote::Impl {
  RemoteOptions options;
  std::vector<std::shared_ptr<Pool>> pools;
  std::atomic<size_t> next{0};

  std::shared_ptr<Attempt> send(http::Request request, ResponseSink sink, Duration timeout) {
    auto attempt = std::make_shared<Attempt>();
    attempt->pool = pools[next++ % pools.size()];
    attempt->request = std::move(request);
    attempt->sink = std::move(sink);
    attempt->timeout = timeout;
    attempt->pool->loop()->post([attempt] { attempt->run(); });
    return attempt;
  }
  static std::function<void()> canceller(const std::shared_ptr<Attempt>& attempt) {
    return [weak = std::weak_ptr(attempt), loop = attempt->pool->loop()] {
      loop->post([weak] {
        if (auto self = weak.lock()) self->cancel();
      });
    };
  }
};

Remote::Remote(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Remote::~Remote() {
  close();
  for (auto& pool : impl_->pools) pool->loop()->stop();
}

void Remote::close() {
  for (auto& pool : impl_->pools) pool->loop()->post([pool] { pool->close_all(); });
}

Expected<std::shared_ptr<Remote>> Remote::create(const ServerConfig& config, const RemoteOptions& options) {
  auto endpoint = endpoint_of(config);
  if (!endpoint) return endpoint.error();
  auto shared = std::make_shared<const Endpoint>(std::move(*endpoint));
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  for (size_t i = 0; i < std::max<size_t>(options.threads, 1); ++i) {
    impl->pools.push_back(
        std::make_shared<Pool>(io::EventLoop::start("client-" + std::to_string(i)), shared, options.idle_connections));
  }
  return std::shared_ptr<Remote>(new Remote(std::move(impl)));
}

void Remote::handle(http::Request request, std::shared_ptr<http::Exchange> exchange) {
  bool watch = is_watch(request);
  auto relay = std::make_shared<Relay>(std::move(exchange), watch);
  auto cancel = std::make_shared<std::function<void()>>();
  ResponseSink sink;
  sink.head = [relay, cancel](int code, http::Headers headers) { relay->head(code, std::move(headers), *cancel); };
  sink.body = [relay](const std::string& piece) { relay->body(piece); };
  sink.done = [relay](const Status& status) { relay->done(status); };
  auto attempt = std::make_shared<Attempt>();
  attempt->pool = impl_->pools[impl_->next++ % impl_->pools.size()];
  attempt->request = std::move(request);
  attempt->sink = std::move(sink);
  attempt->timeout = watch ? Duration::zero() : Duration(impl_->options.timeout);
  *cancel = Impl::canceller(attempt);
  attempt->pool->loop()->post([attempt] { attempt->run(); });
}

void Remote::request(http::Request request, std::function<void(Expected<RawResponse>)> done) {
  auto response = std::make_shared<RawResponse>();
  ResponseSink sink;
  sink.head = [response](int code, http::Headers headers) {
    response->code = code;
    response->headers = std::move(headers);
  };
  sink.body = [response](const std::string& piece) { response->body += piece; };
  sink.done = [response, done = std::move(done)](Status status) {
    if (status.ok()) {
      done(std::move(*response));
    } else {
      done(std::move(status));
    }
  };
  impl_->send(std::move(request), std::move(sink), impl_->options.timeout);
}

Expected<RawResponse> Remote::request(http::Request request) {
  std::promise<Expected<RawResponse>> promise;
  auto answer = promise.get_future();
  this->request(std::move(request), [&promise](Expected<RawResponse> r) { promise.set_value(std::move(r)); });
  return answer.get();
}

std::function<void()> Remote::stream(http::Request request, RawStream stream) {
  ResponseSink sink;
  sink.head = [head = std::move(stream.head)](int code, const http::Headers& headers) {
    if (head) head(code, headers);
  };
  sink.body = std::move(stream.body);
  sink.done = std::move(stream.done);
  return Impl::canceller(impl_->send(std::move(request), std::move(sink), Duration::zero()));
}

std::string_view RawResponse::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

http::Request raw_request(std::string method, const std::string& target, std::string body, std::string content_type,
                          std::string accept) {
  http::Request request;
  request.method = std::move(method);
  size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  request.headers = {{"accept", std::move(accept)}};
  if (!content_type.empty()) request.headers.emplace_back("content-type", std::move(content_type));
  request.body = std::move(body);
  return request;
}

}  // namespace gantry::client
