// A response body as WebSocket messages, for browsers: binary.k8s.io, base64.binary.k8s.io or no subprotocol at all.
#pragma once

#include <memory>

#include "core/http/http.hpp"

namespace gantry::streams {

bool wants_websocket(const http::Request& request);
// Null when the request could not be upgraded; it has been answered then.
std::shared_ptr<http::Stream> websocket_stream(const http::Request& request, http::Exchange& exchange);

}  // namespace gantry::streams
