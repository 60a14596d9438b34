// The way back of one HTTP/1.1 request, and what its answers turn into: streams and upgraded connections.
//
// Called by handlers from any thread; reaches the connection on its loop.
#pragma once

#include <atomic>
#include <memory>

#include "core/http/http.hpp"
#include "core/http/server/connection.hpp"

namespace gantry::http {

class HttpExchange : public http::Exchange {
 public:
  // `charge`: for the request's bytes, which the handler may keep as long as this.
  HttpExchange(std::shared_ptr<Connection> connection, RequestFacts facts, limits::Charge charge);
  // A handler that drops it unanswered owes the client a 500.
  ~HttpExchange() override;

  bool open() const override { return !connection_->left(); }
  void when_left(std::function<void()> left) override;
  void respond(http::Response response) override;
  std::shared_ptr<http::Stream> start_stream(int code, std::string content_type) override;
  std::shared_ptr<http::ByteStream> upgrade_bytes(http::Headers headers) override;
  std::shared_ptr<http::MessageStream> upgrade_websocket(std::string subprotocol) override;

 private:
  bool first() { return !answered_.exchange(true); }
  void run(std::function<void()> work);
  std::shared_ptr<http::ByteStream> upgrade(http::Headers headers);

  const std::shared_ptr<Connection> connection_;
  const RequestFacts facts_;
  const limits::Charge charge_;
  std::atomic<bool> answered_{false};
};

}  // namespace gantry::http
