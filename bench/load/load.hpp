// Load from many clients at once: each sends its next request when the answer to the last has come.
//
// Requests are raw HTTP over pooled connections, so that the same tool measures any server with a kubeconfig.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bench/load/measure.hpp"
#include "core/client/https/remote.hpp"

namespace gantry::bench {

struct Settings {
  std::string kubeconfig;
  std::string scenario;
  std::string ns = "gantry-bench";
  int64_t clients = 1, count = 1000, nodes = 1000, watchers = 100, replicas = 1;
  pid_t pid = 0;  // of the server; 0: whoever listens on the kubeconfig's port here
  bool json = false;
  std::string image = "gantry.local/hello:1";
};

struct Bench {
  Settings settings;
  std::shared_ptr<client::Remote> remote;
  Process server{0};
};

// The i-th request.
using MakeRequest = std::function<http::Request(int64_t i)>;
struct LoadResult {
  Latencies latencies;
  int64_t elapsed_us = 0, server_cpu_us = 0, failed = 0;
  std::string first_failure;
};
// Sends `count` requests from `clients` clients and waits for all answers.
void run_load(Bench& bench, int64_t count, int64_t clients, const MakeRequest& make, LoadResult& result);

// One request that must succeed; exits with a message otherwise.
std::string must(Bench& bench, const http::Request& request);
[[noreturn]] void die(const std::string& why);

// Objects.
std::string pod_json(const std::string& name, const std::string& ns,
                     const std::string& extra_spec);  // about 3.8 KB stored
std::string node_json(const std::string& name);
std::string pods_path(const Bench& bench);
void ensure_namespace(Bench& bench);
void delete_namespace(Bench& bench);

}  // namespace gantry::bench
