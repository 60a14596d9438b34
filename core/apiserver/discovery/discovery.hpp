// The paths a client finds the API by: /api, /apis, their groups and versions, /openapi/v2 and v3, /version.
//
// Owned by the Environment, asked by ApiServer::handle after authorization and before the resource routes. Thread-safe.
// The discovery documents are made by the constructor, and anew by whoever asks first after the schema's kinds have
// changed; the OpenAPI ones (large) by whoever asks for them first.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>

#include "core/apiserver/server.hpp"

namespace gantry::apiserver {

class Discovery {
 public:
  // The registry must outlive it.
  Discovery(const schema::Registry& schemas, const Options& options);
  ~Discovery();
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Answers a request for one of its paths, at once or (an OpenAPI document that has to be made first) through
  // options.post; false when the path is not its own, and nothing is answered.
  bool handle(const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) const;
  // Whether handle() would answer this path at all, whatever the method.
  bool owns(std::string_view path) const;

 private:
  struct State;
  std::shared_ptr<State> current() const;

  const schema::Registry& schemas_;
  const std::unique_ptr<const Options> options_;
  mutable std::mutex mutex_;  // of who makes a new one
  mutable std::atomic<std::shared_ptr<State>> state_;
};

}  // namespace gantry::apiserver
