// Requests to a daemon through its unix socket. One thread; blocks.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "core/client/https/remote.hpp"

namespace gantry::ctl {

class AdminClient {
 public:
  // Connects at the first request. Each request has `timeout` from its begin to the end of its answer.
  static Expected<AdminClient> create(const std::filesystem::path& socket, std::chrono::milliseconds timeout);

  // The answer's JSON; the daemon's own Status when it refuses, "cannot reach gantryd ..." when there is none.
  Expected<boost::json::value> get(const std::string& path);
  Expected<boost::json::value> post(const std::string& path, const boost::json::value& body);

 private:
  AdminClient(std::filesystem::path socket, std::shared_ptr<client::Remote> remote)
      : socket_(std::move(socket)), remote_(std::move(remote)) {}
  Expected<boost::json::value> send(http::Request request);

  std::filesystem::path socket_;
  std::shared_ptr<client::Remote> remote_;
};

}  // namespace gantry::ctl
