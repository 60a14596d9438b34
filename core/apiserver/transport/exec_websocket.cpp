// Channels over WebSocket: each message begins with the channel's number (v4, v5.channel.k8s.io).
#include <algorithm>

#include "core/apiserver/transport/exec_channels.hpp"
#include "core/apiserver/transport/http_text.hpp"

namespace gantry::transport {
namespace {

constexpr uint8_t kCloseChannel = 255;  // v5: the next byte names the channel whose sender is done

class WebSocketChannels : public ExecChannels, public std::enable_shared_from_this<WebSocketChannels> {
 public:
  WebSocketChannels(std::shared_ptr<http::MessageStream> socket, ExecStreams wanted, bool v5)
      : socket_(std::move(socket)), wanted_(wanted), v5_(v5) {}

  void start(ChannelEvents events) override {
    events_ = std::move(events);
    // Tells a waiting client that the server is there, as upstream's does.
    Channel first = wanted_.out ? Channel::kStdout : wanted_.err ? Channel::kStderr : Channel::kError;
    send(first, {});
    auto self = shared_from_this();
    socket_->start([self](bool, std::string_view message) { self->on_message(message); },
                   [self] {
                     auto gone = std::move(self->events_.gone);
                     self->events_ = {};
                     if (gone) gone();
                   });
    if (events_.ready) events_.ready();
  }
  bool send(Channel channel, std::string_view bytes) override {
    std::string message(1, static_cast<char>(channel));
    message += bytes;
    return socket_->write(true, std::move(message));
  }
  void end(Channel) override {}  // the end of the session says it
  size_t queued() const override { return socket_->queued(); }
  void when_drained(std::function<void()> ready) override { socket_->when_drained(std::move(ready)); }
  void pause(bool paused) override { socket_->pause(paused); }
  void close() override { socket_->close(1000, {}); }

 private:
  void on_message(std::string_view message) {
    if (message.empty()) return;
    auto number = static_cast<uint8_t>(message[0]);
    if (v5_ && number == kCloseChannel) {
      if (message.size() > 1 && events_.ended) events_.ended(static_cast<Channel>(message[1]));
      return;
    }
    if (message.size() > 1 && events_.data) {
      events_.data(static_cast<Channel>(number), message.substr(1));
    }
  }

  const std::shared_ptr<http::MessageStream> socket_;
  const ExecStreams wanted_;
  const bool v5_;
  ChannelEvents events_;
};

}  // namespace

std::vector<std::string> header_values(const http::Request& request, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [key, value] : request.headers) {
    if (key != name) continue;
    std::string item;
    for (char c : value + ",") {
      if (c == ',') {
        if (!item.empty()) values.push_back(std::exchange(item, {}));
      } else if (c != ' ') {
        item += c;
      }
    }
  }
  return values;
}

std::shared_ptr<ExecChannels> websocket_channels(const http::Request& request, http::Exchange& exchange,
                                                 ExecStreams wanted) {
  auto offered = header_values(request, "sec-websocket-protocol");
  std::string chosen;
  for (const char* known : {"v5.channel.k8s.io", "v4.channel.k8s.io"}) {
    if (chosen.empty() && std::find(offered.begin(), offered.end(), known) != offered.end()) {
      chosen = known;
    }
  }
  if (chosen.empty()) {
    exchange.respond(status_response(
        Status::bad_request("unable to upgrade: no supported WebSocket subprotocol; v5.channel.k8s.io and "
                            "v4.channel.k8s.io are")));
    return nullptr;
  }
  auto socket = exchange.upgrade_websocket(chosen);
  if (!socket) return nullptr;
  return std::make_shared<WebSocketChannels>(std::move(socket), wanted, chosen[1] == '5');
}

}  // namespace gantry::transport
