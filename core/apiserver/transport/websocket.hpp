// WebSocket (RFC 6455), the server's side, over any ByteStream. Thread-safe as the stream below it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/client/http.hpp"

namespace gantry::transport {

// The Sec-WebSocket-Accept value for a key.
std::string websocket_accept(std::string_view key);
// Messages up to `message_limit` bytes; pings are answered, fragments joined, violations closed with
// their code.
std::shared_ptr<http::MessageStream> make_websocket(std::shared_ptr<http::ByteStream> bytes,
                                                    size_t message_limit = 4 << 20);

}  // namespace gantry::transport
