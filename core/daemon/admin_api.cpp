#include "core/daemon/admin_api.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "core/daemon/regular_file.hpp"
#include "core/schema/values/times.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::daemon {
namespace {

namespace json = boost::json;
using Exchange = std::shared_ptr<http::Exchange>;

void answer(const Exchange& exchange, int code, const json::value& body) {
  exchange->respond({code, "application/json", {}, {http::make_chunk(json::serialize(body) + "\n")}});
}

void refuse(const Exchange& exchange, const Status& status) {
  answer(exchange, status.code(),
         {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", json::object()},
          {"status", "Failure"},
          {"message", status.message()},
          {"reason", status.reason()},
          {"code", status.code()}});
}

bool is_admin(const http::Identity& who) {
  return std::find(who.groups.begin(), who.groups.end(), "system:masters") != who.groups.end();
}

json::array strings(const std::vector<std::string>& list) {
  json::array out;
  for (const auto& item : list) out.emplace_back(item);
  return out;
}

json::value plugin_json(const plugin::PluginInfo& info) {
  return {{"name", info.name},
          {"path", info.image.path},
          {"sha256", info.image.sha256},
          {"version", info.image.version},
          {"vendor", info.image.vendor},
          {"description", info.image.description},
          {"abi", std::to_string(info.image.abi_major) + "." + std::to_string(info.image.abi_minor)},
          {"interfaces", strings(info.image.interfaces)},
          {"phase", plugin::state_name(info)},
          {"message", info.message.empty() ? info.waiting : info.message},
          {"crash", info.crash},
          {"isolation", info.process ? "Process" : "None"},
          {"required", info.required},
          {"reloads", info.reloads},
          {"failedReloads", info.failed_reloads},
          {"restarts", info.restarts},
          {"lastPauseMicroseconds", info.last_pause_ns / 1'000}};
}

json::value plugins_json(const plugin::PluginHost& host) {
  json::array list;
  for (const auto& info : host.list()) list.push_back(plugin_json(info));
  return {{"plugins", std::move(list)}};
}

// The value of a string key of the request's JSON body.
Expected<std::string> body_text(const http::Request& request, std::string_view key) {
  boost::system::error_code error;
  const auto body = json::parse(request.body, error);
  const auto* object = error ? nullptr : body.if_object();
  const auto* value = object == nullptr ? nullptr : object->if_contains(key);
  if (value == nullptr || !value->is_string() || value->get_string().empty()) {
    return Status::bad_request("the body must be a JSON object with the string \"" + std::string(key) + "\"");
  }
  return std::string(value->get_string());
}

Expected<json::value> list_images(node::NodeAgent& node) {
  auto images = node.images();
  if (!images) return std::move(images).error();
  json::array list;
  for (const auto& image : *images) {
    list.push_back(
        {{"id", image.id}, {"names", strings(image.names)}, {"digests", strings(image.digests)}, {"size", image.size}});
  }
  return json::value{{"images", std::move(list)}};
}

Expected<json::value> import_image(node::NodeAgent& node, const http::Request& request) {
  auto path = body_text(request, "path");
  if (!path) return std::move(path).error();
  const auto archive = open_regular_file(*path);
  if (!archive) return archive.error();
  auto names = node.import_image(archive->get());
  if (!names) return std::move(names).error();
  return json::value{{"names", strings(*names)}};
}

Expected<json::value> remove_image(node::NodeAgent& node, const http::Request& request) {
  auto name = body_text(request, "name");
  if (!name) return std::move(name).error();
  if (auto removed = node.remove_image(*name); !removed.ok()) return removed;
  return json::value{{"removed", *name}};
}

using ImageWork = Expected<json::value> (*)(node::NodeAgent&, const http::Request&);

apiserver::ApiServer::PathHandler image_path(const std::shared_ptr<const AdminFacts>& facts, std::string method,
                                             ImageWork work) {
  return [facts, method = std::move(method), work](const http::Request& request, Exchange exchange) {
    if (!is_admin(request.identity)) return refuse(exchange, Status::forbidden("only system:masters may do this"));
    if (request.method != method) return refuse(exchange, Status::method_not_allowed("use " + method));
    const bool posted = facts->blocking->post([facts, request, exchange, work] {
      auto* node = facts->node();
      if (node == nullptr) return refuse(exchange, Status::unavailable("this daemon runs no node"));
      auto result = work(*node, request);
      if (!result) return refuse(exchange, result.error());
      answer(exchange, 200, *result);
    });
    if (!posted) refuse(exchange, Status::too_many_requests("too much waits already; try again"));
  };
}

// POST {"name": ...}: does something to a plugin, and answers with what it is afterwards.
apiserver::ApiServer::PathHandler plugin_path(const std::shared_ptr<const AdminFacts>& facts,
                                              std::function<Status(const std::string&)> change) {
  return [facts, change = std::move(change)](const http::Request& request, Exchange exchange) {
    if (!is_admin(request.identity)) return refuse(exchange, Status::forbidden("only system:masters may do this"));
    if (request.method != "POST") return refuse(exchange, Status::method_not_allowed("use POST"));
    auto name = body_text(request, "name");
    if (!name) return refuse(exchange, name.error());
    const bool posted = facts->blocking->post([facts, change, name = std::move(*name), exchange] {
      if (auto done = change(name); !done.ok()) return refuse(exchange, done);
      const auto plugin = facts->plugins->find_any(name);
      answer(exchange, 200, plugin == nullptr ? json::value(json::object()) : plugin_json(plugin->info()));
    });
    if (!posted) refuse(exchange, Status::too_many_requests("too much waits already; try again"));
  };
}

json::value clock_json(const plugin::SimulatedTime::State& state) {
  std::array<char, 17> digest{};
  std::snprintf(digest.data(), digest.size(), "%016llx", static_cast<unsigned long long>(state.digest));
  json::object out{{"time", "manual"},        {"now", schema::format_time(state.now_unix_ns)},
                   {"fired", state.fired},    {"timers", state.waiting},
                   {"digest", digest.data()}, {"repeatable", state.broken == 0}};
  if (state.next_unix_ns != 0) out["next"] = schema::format_time(state.next_unix_ns);
  return out;
}

// {"to": "2030-01-02T00:00:00Z"}, or {"by": "24h"} from now on.
Expected<int64_t> target_of(const http::Request& request, int64_t now_unix_ns) {
  if (auto by = body_text(request, "by")) {
    auto span = schema::parse_duration(*by);
    if (!span || *span < 0) return Status::bad_request("\"" + *by + "\" is no span of time such as 24h or 1h30m");
    return now_unix_ns + *span;
  }
  auto to = body_text(request, "to");
  if (!to) return Status::bad_request("the body must be a JSON object with \"by\" or \"to\"");
  auto target = schema::parse_time(*to);
  if (!target) return Status::bad_request("\"" + *to + "\" is no time such as 2030-01-02T00:00:00Z");
  if (*target < now_unix_ns) return Status::bad_request("it is later than " + *to + " already");
  return target;
}

const Status& real_time() {
  static const Status status = Status::bad_request(
      "this daemon runs on real time; [simulation] time = \"manual\" in its configuration makes it run on a simulated "
      "one");
  return status;
}

// Goes on for a second of real time at most: whoever asks, asks again with the answer's "to", and can show how far it
// is.
void advance_clock(const AdminFacts& facts, const http::Request& request, const Exchange& exchange) {
  auto target = target_of(request, facts.time->clock().now_unix_ns());
  if (!target) return refuse(exchange, target.error());
  const auto state = facts.time->advance_to(*target, std::chrono::seconds(1));
  facts.time_moved();
  if (!state) return refuse(exchange, state.error());
  auto body = clock_json(*state);
  const schema::Moment to{*target / 1'000'000'000, static_cast<int32_t>(*target % 1'000'000'000)};
  body.as_object()["to"] = schema::format_moment(to, 6);
  body.as_object()["done"] = state->now_unix_ns >= *target;
  answer(exchange, 200, body);
}

void add_clock_paths(apiserver::ApiServer& api, const std::shared_ptr<const AdminFacts>& facts) {
  api.add_path("/gantry/v1/clock", [facts](const http::Request& request, Exchange exchange) {
    if (!is_admin(request.identity)) return refuse(exchange, Status::forbidden("only system:masters may do this"));
    if (facts->time == nullptr) return refuse(exchange, real_time());
    answer(exchange, 200, clock_json(facts->time->state()));
  });
  api.add_path("/gantry/v1/clock:advance", [facts](const http::Request& request, Exchange exchange) {
    if (!is_admin(request.identity)) return refuse(exchange, Status::forbidden("only system:masters may do this"));
    if (request.method != "POST") return refuse(exchange, Status::method_not_allowed("use POST"));
    if (facts->time == nullptr) return refuse(exchange, real_time());
    const bool posted = facts->blocking->post([facts, request, exchange] { advance_clock(*facts, request, exchange); });
    if (!posted) refuse(exchange, Status::too_many_requests("too much waits already; try again"));
  });
}

}  // namespace

void add_admin_paths(apiserver::ApiServer& api, AdminFacts given) {
  const auto facts = std::make_shared<const AdminFacts>(std::move(given));
  const auto text = [](std::function<std::string()> make) {
    return [make = std::move(make)](const http::Request& request, Exchange exchange) {
      if (!is_admin(request.identity)) return refuse(exchange, Status::forbidden("only system:masters may do this"));
      exchange->respond({200, "application/json", {}, {http::make_chunk(make())}});
    };
  };
  api.add_path("/gantry/v1/status", text([facts] { return facts->status_json() + "\n"; }));
  api.add_path("/gantry/v1/plugins", text([facts] { return json::serialize(plugins_json(*facts->plugins)) + "\n"; }));
  api.add_path("/gantry/v1/plugins:reload", plugin_path(facts, facts->reload_plugin));
  api.add_path("/gantry/v1/plugins:enable",
               plugin_path(facts, [facts](const std::string& name) { return facts->enable_plugin(name, true); }));
  api.add_path("/gantry/v1/plugins:disable",
               plugin_path(facts, [facts](const std::string& name) { return facts->enable_plugin(name, false); }));
  add_clock_paths(api, facts);
  api.add_path("/gantry/v1/images",
               image_path(facts, "GET", [](node::NodeAgent& node, const http::Request&) { return list_images(node); }));
  api.add_path("/gantry/v1/images:import", image_path(facts, "POST", &import_image));
  api.add_path("/gantry/v1/images:remove", image_path(facts, "POST", &remove_image));
}

}  // namespace gantry::daemon
