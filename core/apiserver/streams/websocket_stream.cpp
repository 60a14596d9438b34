// A body that only goes out, as the messages of one WebSocket; what the peer says is not listened to.
#include "core/apiserver/streams/websocket_stream.hpp"

#include <mutex>
#include <utility>
#include <vector>

#include "core/apiserver/streams/exec_channels.hpp"
#include "core/http/message/http_text.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::streams {
namespace {

class WebSocketStream : public http::Stream {
 public:
  WebSocketStream(std::shared_ptr<http::MessageStream> socket, bool base64)
      : socket_(std::move(socket)), base64_(base64) {}
  ~WebSocketStream() override { end(); }

  void start() {
    socket_->start([](bool, std::string_view) {}, [end = end_] { end->come(); });
    send({});  // tells a waiting client that the server is there
  }
  bool write(std::vector<http::Chunk> message) override {
    std::string text;
    for (const auto& chunk : message) text += chunk.bytes;
    return text.empty() || send(std::move(text));
  }
  size_t queued() const override { return socket_->queued(); }
  void when_drained(std::function<void()> ready) override { socket_->when_drained(std::move(ready)); }
  void end() override {
    socket_->close(1000, {});
    end_->come();
  }
  void on_close(std::function<void()> closed) override { end_->tell(std::move(closed)); }

 private:
  // That the connection is over, and who wants to know. Outlives the stream: the socket tells it.
  class End {
   public:
    void come() {
      std::vector<std::function<void()>> told;
      {
        const std::lock_guard lock(mutex_);
        come_ = true;
        told.swap(told_);
      }
      for (const auto& closed : told) closed();
    }
    void tell(std::function<void()> closed) {
      {
        const std::lock_guard lock(mutex_);
        if (!come_) return told_.push_back(std::move(closed));
      }
      closed();
    }

   private:
    std::mutex mutex_;
    bool come_ = false;
    std::vector<std::function<void()>> told_;
  };

  bool send(std::string text) {
    return socket_->write(!base64_, base64_ ? schema::base64_encode(text) : std::move(text));
  }

  const std::shared_ptr<http::MessageStream> socket_;
  const bool base64_;
  const std::shared_ptr<End> end_ = std::make_shared<End>();
};

}  // namespace

bool wants_websocket(const http::Request& request) {
  return http::has_token(request.header("upgrade"), "websocket") &&
         http::has_token(request.header("connection"), "upgrade");
}

std::shared_ptr<http::Stream> websocket_stream(const http::Request& request, http::Exchange& exchange) {
  const auto chosen = choose_subprotocol(request, {"binary.k8s.io", "base64.binary.k8s.io"});
  if (!chosen) {
    exchange.respond(http::status_response(chosen.error()));
    return nullptr;
  }
  auto socket = exchange.upgrade_websocket(*chosen);
  if (!socket) return nullptr;
  auto stream = std::make_shared<WebSocketStream>(std::move(socket), chosen->starts_with("base64."));
  stream->start();
  return stream;
}

}  // namespace gantry::streams
