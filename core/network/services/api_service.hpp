// The Service "kubernetes" in the namespace "default", and the endpoints behind it: where the API is to be found from
// inside of pods. Kept as it is to be: what somebody deletes or changes is written again. And the ServiceCIDR
// "kubernetes", which says from where Services have their addresses.
//
// Runs in the server role, from when the server's address is known. Callbacks come on the client's and the timers'
// threads, and read one small object.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/client/client.hpp"
#include "core/network/cidr.hpp"

namespace gantry::network {

struct ApiServiceOptions {
  client::Client* client = nullptr;
  std::vector<Cidr> ranges;  // of Services, at least one: its own cluster IP is the first of the first
  Address server;            // where the API is; one that only this machine reaches is in no endpoints
  int port = 6443;           // there
  std::function<void(int64_t delay_ms, std::function<void()> fn)> schedule;
  std::function<void(int32_t level, std::string_view text)> log;
};

class ApiService {
 public:
  explicit ApiService(ApiServiceOptions options);
  ~ApiService();  // stops
  ApiService(const ApiService&) = delete;
  ApiService& operator=(const ApiService&) = delete;

 private:
  class Kept;
  std::vector<std::shared_ptr<Kept>> kept_;
};

}  // namespace gantry::network
