#include "core/daemon/ctl/admin_client.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace gantry::ctl {
namespace {

namespace json = boost::json;

constexpr std::string_view kConnecting = "connect to localhost: ";

Status refusal(int code, const std::string& body) {
  boost::system::error_code failed;
  const auto value = json::parse(body, failed);
  const auto* object = failed ? nullptr : value.if_object();
  const auto word = [&](const char* key) -> std::string {
    const auto* found = object == nullptr ? nullptr : object->if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  auto message = word("message");
  if (message.empty()) message = "the daemon answered with code " + std::to_string(code);
  return {code, word("reason"), std::move(message)};
}

}  // namespace

Expected<AdminClient> AdminClient::create(const std::filesystem::path& socket, std::chrono::milliseconds timeout) {
  client::ServerConfig server;
  server.server = "unix:" + socket.string();
  client::RemoteOptions options;
  options.timeout = timeout;
  auto remote = client::Remote::create(server, options);
  if (!remote) return std::move(remote).error();
  return AdminClient(socket, std::move(*remote));
}

Expected<json::value> AdminClient::get(const std::string& path) { return send(client::raw_request("GET", path)); }

Expected<json::value> AdminClient::post(const std::string& path, const json::value& body) {
  return send(client::raw_request("POST", path, json::serialize(body), "application/json"));
}

Expected<json::value> AdminClient::send(http::Request request) {
  const auto answer = remote_->request(std::move(request));
  if (!answer) {
    std::string why = answer.error().message();
    if (why.starts_with(kConnecting)) why.erase(0, kConnecting.size());  // the path says more
    return Status::unavailable("cannot reach gantryd at " + socket_.string() + ": " + why +
                               "; is it running with this configuration?");
  }
  if (answer->code >= 300) return refusal(answer->code, answer->body);
  boost::system::error_code failed;
  auto value = json::parse(answer->body, failed);
  if (failed) return Status::internal("the daemon's answer is not JSON: " + failed.message());
  return value;
}

}  // namespace gantry::ctl
