// exec over the network: WebSocket or SPDY on one side, three descriptors on the other.
//
// The API server's exec verb calls serve_exec after it has found the pod; the session then lives on the
// event loop that is passed in (the pumps' loop) until the command or the client ends.
#pragma once

#include <functional>
#include <memory>

#include "core/apiserver/streams/exec_channels.hpp"
#include "core/client/node_backend.hpp"
#include "core/http/http.hpp"
#include "core/http/io/event_loop.hpp"

namespace gantry::streams {

// As NodeBackend::exec: owns the descriptors from the call on, tells `exited` once.
using StartExec = std::function<Expected<std::unique_ptr<client::ExecSession>>(
    int in, int out, int err, std::function<void(Expected<int>)> exited)>;
// Runs work that may block, on some other thread.
using PostBlocking = std::function<void(std::function<void()>)>;

// Upgrades the request (or answers why not) and runs the session. [any-thread]
void serve_exec(std::shared_ptr<io::EventLoop> loop, const http::Request& request,
                std::shared_ptr<http::Exchange> exchange, ExecStreams wanted, PostBlocking post, StartExec start);

}  // namespace gantry::streams
