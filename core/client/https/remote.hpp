// A server somewhere else, as an http::Handler: requests go out over pooled HTTPS connections.
//
// That makes the in-process client work over the network unchanged; beside it, raw requests for tools.
// Any thread; answers come on the event loops of this object and must not block them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "core/client/https/kubeconfig.hpp"
#include "core/http/http.hpp"
#include "gantry/status.hpp"

namespace gantry::client {

struct RemoteOptions {
  size_t threads = 1;
  size_t idle_connections = 32;  // kept for each thread
  std::chrono::milliseconds timeout{60'000};
};

struct RawResponse {
  int code = 0;
  http::Headers headers;
  std::string body;
  std::string_view header(std::string_view lower_case_name) const;
};

// The answer to a streamed request, piece by piece; `done` once, last.
struct RawStream {
  std::function<void(int code, const http::Headers& headers)> head;
  std::function<void(std::string piece)> body;
  std::function<void(Status)> done;
};

class Remote : public http::Handler {
 public:
  // Resolves the server's name (blocks), connects at the first request.
  static Expected<std::shared_ptr<Remote>> create(const ServerConfig& config, const RemoteOptions& options = {});
  // Ends what is going on; no callback runs afterwards.
  ~Remote() override;
  // Ends what is going on, with 503; what is asked later ends the same way. Does not wait.
  void close();

  // Bodies of lists and watches are cut as the in-process client expects them.
  void handle(http::Request request, std::shared_ptr<http::Exchange> exchange) override;

  void request(http::Request request, std::function<void(Expected<RawResponse>)> done);
  // Waits. Never on one of this object's threads.
  Expected<RawResponse> request(http::Request request);
  // Returns what ends it early: `done` then says so.
  std::function<void()> stream(http::Request request, RawStream stream);

 private:
  struct Impl;
  explicit Remote(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// "GET /path?query" with an Accept and, where there is a body, a Content-Type header.
http::Request raw_request(std::string method, const std::string& target, std::string body = {},
                          std::string content_type = {}, std::string accept = "application/json");

}  // namespace gantry::client
