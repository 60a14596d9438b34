// The five channels of an exec or attach session, whatever protocol carries them.
//
// Implemented over WebSocket and over SPDY; used by the session in remote_command.cpp. Thread-safe; events
// come on the connection's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/http/http.hpp"

namespace gantry::streams {

enum class Channel : uint8_t { kStdin = 0, kStdout = 1, kStderr = 2, kError = 3, kResize = 4 };

// Which streams a request asked for.
struct ExecStreams {
  bool in = false, out = false, err = false, tty = false;
};

struct ChannelEvents {
  std::function<void()> ready;  // all channels are open; input comes behind it
  std::function<void(Channel, std::string_view)> data;
  std::function<void(Channel)> ended;  // the peer closed its half
  std::function<void()> gone;          // once, at the end of the connection
};

class ExecChannels {
 public:
  virtual ~ExecChannels() = default;
  virtual void start(ChannelEvents events) = 0;
  virtual bool send(Channel channel, std::string_view bytes) = 0;
  virtual void end(Channel channel) = 0;  // our half
  virtual size_t queued() const = 0;
  virtual void when_drained(std::function<void()> ready) = 0;
  virtual void pause(bool paused) = 0;
  virtual void close() = 0;  // after what is queued
  // The protocol's first versions: the error channel gets words and no Status, and nothing when all went well.
  virtual bool plain_errors() const { return false; }
};

// Null when the request could not be upgraded; it has been answered then.
std::shared_ptr<ExecChannels> websocket_channels(const http::Request& request, http::Exchange& exchange,
                                                 ExecStreams wanted);
std::shared_ptr<ExecChannels> spdy_channels(const http::Request& request, http::Exchange& exchange, ExecStreams wanted);

// The values of a header that may come several times and hold lists.
std::vector<std::string> header_values(const http::Request& request, std::string_view name);
// The first of the WebSocket subprotocols that the client offers and we know; "" when it offers none.
Expected<std::string> choose_subprotocol(const http::Request& request, const std::vector<std::string_view>& known);

}  // namespace gantry::streams
