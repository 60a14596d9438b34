// A server with its own PKI and a handler for tests of the transport and the clients.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "core/auth/authenticator.hpp"
#include "core/auth/pki.hpp"
#include "core/http/io/socket.hpp"
#include "core/http/server/https_server.hpp"

namespace gantry::http {

using HandlerFunction = std::function<void(http::Request, std::shared_ptr<http::Exchange>)>;

struct FunctionHandler : http::Handler {
  HandlerFunction function;
  std::function<Status(const http::Request&)> check;  // of heads, before the first request
  Status check_head(http::Request& head) override { return check ? check(head) : Status(); }
  void handle(http::Request request, std::shared_ptr<http::Exchange> exchange) override {
    function(std::move(request), std::move(exchange));
  }
};

inline http::Response text_response(std::string text, int code = 200) {
  http::Response response;
  response.code = code;
  response.content_type = "text/plain";
  response.body.push_back(io::own(std::move(text)));
  return response;
}

class TestServer {
 public:
  explicit TestServer(HandlerFunction function, const std::function<void(ServerOptions&)>& change = {}) {
    char name[] = "/tmp/gantry-transport-XXXXXX";
    directory = ::mkdtemp(name);
    auto made = auth::ensure_pki(directory + "/pki", {});
    EXPECT_TRUE(made.ok());
    pki = *made;
    handler.function = std::move(function);
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.unix_socket = directory + "/api.sock";
    options.certificate_file = pki.server_certificate;
    options.key_file = pki.server_key;
    options.client_ca_file = pki.ca_certificate;
    if (change) change(options);
    options.local = auth::local_admin();
    if (!options.authenticator) options.authenticator = *auth::Authenticator::create({});
    auto started = HttpsServer::start(options, handler);
    EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message());
    server = std::move(*started);
  }
  ~TestServer() {
    server.reset();
    std::filesystem::remove_all(directory);
  }
  uint16_t port() const { return server->port(); }
  std::string url(const std::string& path) const { return "https://127.0.0.1:" + std::to_string(port()) + path; }

  std::string directory;
  auth::Pki pki;
  FunctionHandler handler;
  std::unique_ptr<HttpsServer> server;
};

}  // namespace gantry::http
