// One accepted connection: TLS handshake, requests in turn, their answers, streams and upgrades.
//
// Lives on one event loop; everything here is called on it. Exchanges and streams of other threads reach
// it by posts and through an Outbox. The server keeps it alive until close().
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/http/io/event_loop.hpp"
#include "core/http/io/socket.hpp"
#include "core/http/message/request_parser.hpp"
#include "core/http/server/https_server.hpp"
#include "core/http/server/outbox.hpp"
#include "core/http/server/peer_certificate.hpp"
#include "core/http/server/strangers.hpp"
#include "core/limits/account.hpp"

namespace gantry::http {

class Connection;

// What all connections of a server share.
struct ServerCore {
  ServerOptions options;
  http::Handler* handler = nullptr;
  std::shared_ptr<io::TlsContext> tls;
  std::atomic<bool> stopping{false};
  // The accounts above the connections': who proved an identity, who did not, who came by the unix socket.
  std::shared_ptr<limits::Account> known, strangers, local;
  Strangers crowd;
  Strangers visitors;  // the unix socket's peers: who has no request under way makes room, longest idle first
  std::mutex mutex;
  std::condition_variable gone;
  size_t connections = 0, local_connections = 0;  // under mutex; the latter are not of the former

  void open_accounts(const ServerOptions& from);
  void tell(std::string_view topic, std::string_view text) const;
};

// What the way back must remember of a request.
struct RequestFacts {
  uint64_t id = 0;
  bool head = false;
  bool safe = false;  // nothing was changed: may be answered with "try again" at last
  bool chunks_allowed = true;
  bool upgrade = false;
  std::string upgrade_to, websocket_key, websocket_version;
  std::shared_ptr<limits::Account> account;
};

class Connection : public io::EventLoop::Watcher,
                   public Outbox::Reader,
                   public std::enable_shared_from_this<Connection> {
 public:
  using Forget = std::function<void(Connection*)>;
  using DataCallback = std::function<void(std::string_view)>;

  // `local`: came by the unix socket; no TLS, and its peer is the admin.
  Connection(std::shared_ptr<ServerCore> core, std::shared_ptr<io::EventLoop> loop, io::UniqueFd fd, bool local,
             Forget forget);
  ~Connection() override;

  void begin();
  void on_ready(uint32_t events) override;
  void on_outbox() override;
  void check_deadline(io::EventLoop::Clock::time_point now);
  // The server stops: idle connections close, streams end, the rest closes after its answer.
  void drain();
  void close();
  // Was taken out of the strangers, or the visitors, for somebody else: ends, unless its peer has proved meanwhile who
  // he is, or has asked something.
  void make_way();
  Strangers::Place& place() { return place_; }

  // From the exchange of request `id`; ignored when it is no longer the one being handled.
  void respond(const RequestFacts& facts, http::Response response);
  void start_stream(const RequestFacts& facts, int code, const std::string& content_type,
                    std::shared_ptr<Outbox> outbox);
  void upgrade(const RequestFacts& facts, const http::Headers& headers, std::shared_ptr<Outbox> outbox);
  // `left`: see Exchange::when_left.
  void when_left(uint64_t request, std::function<void()> left);
  void set_reader(DataCallback data, std::function<void()> ended);
  void set_paused(bool paused);

  // The peer has closed his side while he was to be answered, or all of it. [any-thread]
  bool left() const { return left_; }
  const std::shared_ptr<io::EventLoop>& loop() const { return loop_; }
  const ServerOptions& options() const { return core_->options; }

 private:
  enum class State : uint8_t {
    kSniff,
    kHandshake,
    kRequest,
    kHandling,
    kWriting,
    kStreaming,
    kUpgraded,
    kLingering,
    kClosed
  };

  // connection.cpp: requests and answers
  void process();
  void on_head();
  Status want_body();
  void dispatch();
  void refuse(const Status& status);
  bool admit_answer(const RequestFacts& facts, size_t own);
  void send(std::string head);
  void on_all_sent();
  void finish_response();
  void deliver();

  // connection_peer.cpp: who it is, and what he holds
  Expected<http::Identity> identify(const http::Request& request);
  void recognize();
  void become_known();
  void leave_strangers();
  void set_idle(bool idle);
  void open_account(const std::shared_ptr<limits::Account>& above);
  bool recount();
  std::string peer_name() const;
  void tell_refusal(const Status& status) const;

  // connection_io.cpp: the socket
  void sniff();
  void answer_plain_http();
  void handshake();
  void read_some();
  void discard();
  void on_eof();
  void flush();
  void linger();
  bool wants_read() const;
  void update_interest();
  void resume_reading();
  void account(size_t bytes);
  bool hold(size_t bytes);
  void on_tight(size_t wanted);
  Status tightness(size_t wanted) const;
  size_t received() const { return in_.size() + (parser_ ? parser_->held() : 0); }
  size_t waiting_bytes() const;
  void start_window();
  void set_deadline(std::chrono::milliseconds in);
  void clear_deadline();

  const std::shared_ptr<ServerCore> core_;
  const std::shared_ptr<io::EventLoop> loop_;
  io::Socket socket_;
  Forget forget_;
  State state_ = State::kSniff;
  std::atomic<bool> left_{false};
  const bool local_;
  bool close_after_ = false, peer_ended_ = false, processing_ = false, head_seen_ = false;
  bool reader_paused_ = false, handshake_wants_write_ = false;
  bool stranger_ = false, idle_ = false;
  bool window_ = false;  // bytes wait for the peer, and deadline_ is when he must have taken some
  size_t window_waiting_ = 0, window_taken_ = 0, discarded_ = 0;
  uint64_t request_id_ = 0;
  io::EventLoop::Clock::time_point deadline_ = io::EventLoop::Clock::time_point::max();
  Strangers::Place place_;
  std::shared_ptr<limits::Account> account_;
  limits::Charge held_;    // in_, and what the parser has
  limits::Charge answer_;  // the answer's own bytes, until it is sent
  std::string in_;
  std::unique_ptr<RequestParser> parser_;
  std::deque<http::Chunk> out_;
  size_t uncounted_ = 0;  // bytes at the front of out_ that did not come from the outbox
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<DataCallback> reader_;
  std::function<void()> peer_gone_;  // told whoever reads an upgraded stream, or waits for an answer
  PeerCertificate peer_;
};

}  // namespace gantry::http
