// WebSocket (RFC 6455), the server's side, over any ByteStream. Thread-safe as the stream below it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/http/http.hpp"

namespace gantry::http {

// The Sec-WebSocket-Accept value for a key.
std::string websocket_accept(std::string_view key);
// Messages up to `message_limit` bytes; pings are answered, fragments joined, violations closed with their code. What
// has come of a message is charged to `account`, which may be null.
std::shared_ptr<http::MessageStream> make_websocket(std::shared_ptr<http::ByteStream> bytes,
                                                    std::shared_ptr<limits::Account> account = nullptr,
                                                    size_t message_limit = 4 << 20);

}  // namespace gantry::http
