#include "core/apiserver/health.hpp"

#include <algorithm>

namespace gantry::apiserver {
namespace {

// "/readyz/ping" -> "readyz", "ping".
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  path.remove_prefix(std::min<size_t>(1, path.size()));
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return {path, {}};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

bool is_health_path(std::string_view path) {
  const auto [endpoint, check] = split(path);
  return endpoint == "healthz" || endpoint == "livez" || endpoint == "readyz";
}

void answer_health(const Environment& env, const http::Request& request, http::Exchange& exchange) {
  const auto [endpoint, only] = split(request.path);
  const Query query(request.query);
  const auto excluded = query.all("exclude");
  std::string report;
  bool healthy = true, known = only.empty();
  const auto add = [&](std::string_view name, const std::function<bool()>& passes) {
    if (!only.empty() && name != only) return;
    known = true;
    if (std::find(excluded.begin(), excluded.end(), name) != excluded.end()) {
      report += "[+]" + std::string(name) + " excluded: ok\n";
      return;
    }
    const bool ok = passes();
    healthy = healthy && ok;
    report += (ok ? "[+]" : "[-]") + std::string(name) + (ok ? " ok\n" : " failed: reason withheld\n");
  };
  add("ping", [] { return true; });
  if (endpoint == "readyz") {
    add("shutdown", [&] { return !env.stopping.load(); });
    for (const auto& check : env.options.checks) add(check.name, check.passes);
  }
  http::Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.headers = {{"Cache-Control", "no-cache, private"}, {"X-Content-Type-Options", "nosniff"}};
  if (!known) {
    response.code = 404;
    response.body.push_back(http::make_chunk("404 page not found\n"));
  } else if (!healthy) {
    response.code = 500;
    response.body.push_back(http::make_chunk(report + std::string(endpoint) + " check failed\n"));
  } else {
    response.body.push_back(
        http::make_chunk(query.flag("verbose") ? report + std::string(endpoint) + " check passed\n" : "ok"));
  }
  exchange.respond(std::move(response));
}

}  // namespace gantry::apiserver
