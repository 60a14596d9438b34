// Health paths. [any-thread]
#include "core/apiserver/discovery/health.hpp"

#include <algorithm>

#include "core/apiserver/request/respond.hpp"

namespace gantry::apiserver {
namespace {

constexpr std::string_view kEndpoints[] = {"healthz", "livez", "readyz"};

struct Result {
  std::string name;
  bool passes = true, excluded = false;
  std::string why = {};  // it does not pass; empty: not known
};

// "/readyz/ping" is endpoint readyz, check ping.
std::string_view endpoint_of(std::string_view path) { return path.substr(1, path.find('/', 1) - 1); }
std::string_view check_of(std::string_view path) {
  const auto slash = path.find('/', 1);
  return slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
}

// Reads go on while the disk fails, and a restart mends nothing: as with a store that answers reads only, the server is
// alive but not ready.
Result check_store(const Environment& env, std::string_view endpoint) {
  const Status health = endpoint == "readyz" ? env.store.health() : Status();
  return {"store", health.ok(), false, health.message()};
}

std::vector<Result> run_checks(const Environment& env, std::string_view endpoint) {
  // That there is an answer at all is the ping.
  std::vector<Result> results{{"ping"}, check_store(env, endpoint)};
  if (endpoint == "livez") return results;
  for (const auto& check : env.options.checks) {
    const bool passes = !check.passes || check.passes();
    results.push_back({check.name, passes, false, passes || !check.why ? "" : check.why()});
  }
  if (endpoint == "readyz") results.push_back({"shutdown", !env.stopping});
  return results;
}

// These paths are open to everybody; reasons, with paths and names in them, are for who is known.
void withhold_reasons(const Call& call, std::vector<Result>& results) {
  if (!call.request.identity.anonymous()) return;
  for (auto& result : results) result.why.clear();
}

std::string report(const std::vector<Result>& results, std::string_view endpoint, bool passed) {
  std::string out;
  for (const auto& result : results) {
    if (result.excluded) {
      out += "[+]" + result.name + " excluded: ok\n";
    } else if (result.passes) {
      out += "[+]" + result.name + " ok\n";
    } else {
      out += "[-]" + result.name + " failed: " + (result.why.empty() ? "reason withheld" : result.why) + "\n";
    }
  }
  return out.append(endpoint).append(passed ? " check passed\n" : " check failed\n");
}

void respond_text(Call& call, int code, std::string text) {
  auto response = response_of(call, code, std::move(text), "text/plain; charset=utf-8");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  call.exchange->respond(std::move(response));
}

}  // namespace

bool is_health_path(std::string_view path) {
  if (path.size() < 2 || path.front() != '/') return false;
  return std::find(std::begin(kEndpoints), std::end(kEndpoints), endpoint_of(path)) != std::end(kEndpoints);
}

void respond_health(Call& call) {
  const auto endpoint = endpoint_of(call.request.path);
  const auto only = check_of(call.request.path);
  auto results = run_checks(*call.env, endpoint);
  withhold_reasons(call, results);
  if (!only.empty()) {
    std::erase_if(results, [&](const Result& result) { return result.name != only; });
    if (results.empty()) return respond_text(call, 404, "404 page not found\n");
    const auto& result = results.front();
    if (!result.passes && !result.why.empty()) {
      return respond_text(call, 500, "internal server error: " + result.why + "\n");
    }
  }
  const auto excluded = call.query.all("exclude");
  bool passed = true;
  for (auto& result : results) {
    result.excluded = std::find(excluded.begin(), excluded.end(), result.name) != excluded.end();
    passed = passed && (result.passes || result.excluded);
  }
  if (passed && !call.query.has("verbose")) return respond_text(call, 200, "ok");
  respond_text(call, passed ? 200 : 500, report(results, endpoint, passed));
}

}  // namespace gantry::apiserver
