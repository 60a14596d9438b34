// Channels over WebSocket: each message begins with the channel's number, or with its digit before base64.
#include <algorithm>

#include "core/apiserver/streams/exec_channels.hpp"
#include "core/http/message/http_text.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::streams {
namespace {

constexpr uint8_t kCloseChannel = 255;  // v5: the next byte names the channel whose sender is done

// What differs between the versions.
struct Version {
  bool base64 = false, closes_channels = false, plain_errors = false;
};

class WebSocketChannels : public ExecChannels, public std::enable_shared_from_this<WebSocketChannels> {
 public:
  WebSocketChannels(std::shared_ptr<http::MessageStream> socket, ExecStreams wanted, Version version)
      : socket_(std::move(socket)), wanted_(wanted), version_(version) {}

  void start(ChannelEvents events) override {
    events_ = std::move(events);
    // Tells a waiting client that the server is there, as upstream's does.
    Channel first = wanted_.out ? Channel::kStdout : wanted_.err ? Channel::kStderr : Channel::kError;
    send(first, {});
    if (events_.ready) events_.ready();  // before anything can come
    auto self = shared_from_this();
    socket_->start([self](bool, std::string_view message) { self->on_message(message); },
                   [self] {
                     auto gone = std::move(self->events_.gone);
                     self->events_ = {};
                     if (gone) gone();
                   });
  }
  bool send(Channel channel, std::string_view bytes) override {
    const char number = static_cast<char>(channel);
    if (version_.base64) return socket_->write(false, static_cast<char>('0' + number) + schema::base64_encode(bytes));
    std::string message(1, number);
    message += bytes;
    return socket_->write(true, std::move(message));
  }
  void end(Channel) override {}  // the end of the session says it
  size_t queued() const override { return socket_->queued(); }
  void when_drained(std::function<void()> ready) override { socket_->when_drained(std::move(ready)); }
  void pause(bool paused) override { socket_->pause(paused); }
  void close() override { socket_->close(1000, {}); }
  bool plain_errors() const override { return version_.plain_errors; }

 private:
  void on_message(std::string_view message) {
    if (message.empty()) return;
    auto number = static_cast<uint8_t>(message[0]);
    if (version_.closes_channels && number == kCloseChannel) {
      if (message.size() > 1 && events_.ended) events_.ended(static_cast<Channel>(message[1]));
      return;
    }
    if (message.size() == 1 || !events_.data) return;
    if (!version_.base64) return events_.data(static_cast<Channel>(number), message.substr(1));
    std::string bytes;
    if (!schema::base64_decode(message.substr(1), bytes)) return;
    events_.data(static_cast<Channel>(number - '0'), bytes);
  }

  const std::shared_ptr<http::MessageStream> socket_;
  const ExecStreams wanted_;
  const Version version_;
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

Expected<std::string> choose_subprotocol(const http::Request& request, const std::vector<std::string_view>& known) {
  const auto offered = header_values(request, "sec-websocket-protocol");
  if (offered.empty()) return std::string();
  for (const auto& name : offered) {
    if (std::find(known.begin(), known.end(), name) != known.end()) return name;
  }
  std::string all;
  for (const auto name : known) all += (all.empty() ? "" : ", ") + std::string(name);
  return Status::bad_request("unable to upgrade: no supported WebSocket subprotocol; " + all + " are");
}

std::shared_ptr<ExecChannels> websocket_channels(const http::Request& request, http::Exchange& exchange,
                                                 ExecStreams wanted) {
  const auto chosen = choose_subprotocol(request, {"v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io",
                                                   "channel.k8s.io", "base64.channel.k8s.io"});
  if (!chosen) {
    exchange.respond(http::status_response(chosen.error()));
    return nullptr;
  }
  auto socket = exchange.upgrade_websocket(*chosen);
  if (!socket) return nullptr;
  Version version;
  version.base64 = chosen->find("base64") != std::string::npos;
  version.closes_channels = chosen->starts_with("v5.");
  version.plain_errors = !chosen->starts_with('v');
  return std::make_shared<WebSocketChannels>(std::move(socket), wanted, version);
}

}  // namespace gantry::streams
