#include "core/node/hooks.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/node/probe_net.hpp"

namespace gantry::node {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int64_t kLongest = 86'400;

Status run_command(const RuntimeClient& runtime, const corev1::ExecAction& action, const std::string& id,
                   int64_t timeout) {
  const auto result = runtime.exec_sync(id, {action.command().begin(), action.command().end()}, timeout);
  if (!result) return result.error();
  if (result->exit_code() == 0) return {};
  return Status::internal("command '" + (action.command_size() > 0 ? action.command(0) : std::string()) +
                          "' exited with " + std::to_string(result->exit_code()) + ": " + result->stderr());
}

// By number, or by the name of one of the container's ports.
int port_of(const k8s::io::apimachinery::pkg::util::intstr::IntOrString& port, const corev1::Container& container) {
  if (port.type() == 0) return port.int_val();
  for (const auto& known : container.ports()) {
    if (known.name() == port.str_val()) return known.container_port();
  }
  return 0;
}

Status run_get(const corev1::HTTPGetAction& action, const HookTarget& target, int64_t timeout) {
  HttpProbe request;
  request.port = port_of(action.port(), *target.container);
  if (request.port <= 0) return Status::invalid("the hook names no port of the container");
  request.tls = action.scheme() == "HTTPS";
  request.host = action.host().empty() ? target.pod_ip : action.host();
  request.path = action.path().empty() ? "/" : action.path();
  if (request.path.front() != '/') request.path.insert(0, "/");
  for (const auto& header : action.http_headers()) request.headers.emplace_back(header.name(), header.value());
  const auto outcome = probe_http(request, Deadline{Clock::now() + std::chrono::seconds(timeout), -1});
  return outcome.result == ProbeResult::kFailure ? Status::internal(outcome.output) : Status();
}

void sleep_for(int64_t seconds, const std::atomic<bool>& stop) {
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  while (!stop && Clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

}  // namespace

Status run_hook(const RuntimeClient& runtime, const corev1::LifecycleHandler& handler, const HookTarget& target,
                int64_t timeout_seconds, const std::atomic<bool>& stop) {
  const int64_t longest = timeout_seconds > 0 ? timeout_seconds : kLongest;
  if (handler.has_exec()) return run_command(runtime, handler.exec(), target.container_id, timeout_seconds);
  if (handler.has_http_get()) return run_get(handler.http_get(), target, longest);
  if (handler.has_sleep()) sleep_for(std::min(handler.sleep().seconds(), longest), stop);
  return {};
}

}  // namespace gantry::node
