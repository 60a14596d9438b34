#include "core/daemon/server_role.hpp"

#include <fstream>
#include <sstream>

#include "core/auth/authenticator.hpp"
#include "core/client/https/kubeconfig.hpp"
#include "core/daemon/daemon.hpp"
#include "core/daemon/host_facts.hpp"
#include "gantry/abi/log.h"

namespace gantry::daemon {
namespace {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The host part of "host:port"; empty for "all addresses".
std::string listen_host(const std::string& listen) {
  std::string host = listen.substr(0, listen.rfind(':'));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return host == "0.0.0.0" || host == "::" ? "" : host;
}

void apply_limits(const Config& config, http::ServerOptions& options) {
  const auto mib = [](int64_t count) { return static_cast<size_t>(count) << 20; };
  options.memory = mib(config.memory_mib);
  options.anonymous_memory = mib(config.anonymous_memory_mib);
  options.connection_memory = mib(config.connection_memory_mib);
  options.max_connections = static_cast<size_t>(config.connections);
  options.anonymous_connections = static_cast<size_t>(config.anonymous_connections);
  options.local_connections = static_cast<size_t>(config.reserved_connections);
  options.reserved_descriptors = static_cast<size_t>(config.reserved_descriptors);
  options.stall_timeout = std::chrono::seconds(config.stall_seconds);
  options.stall_bytes = static_cast<size_t>(config.stall_kib) << 10;
}

// Requests from outside take turns with what goes on inside.
class TakesTurns : public http::Handler {
 public:
  TakesTurns(simulation::Turns& turns, http::Handler& inner) : turns_(turns), inner_(inner) {}
  Status check_head(http::Request& head) override { return inner_.check_head(head); }
  void handle(http::Request request, std::shared_ptr<http::Exchange> exchange) override {
    const simulation::Turn turn(&turns_, "a request");
    inner_.handle(std::move(request), std::move(exchange));
  }

 private:
  simulation::Turns& turns_;
  http::Handler& inner_;
};

}  // namespace

ServerRole::~ServerRole() {
  stop_clients();
  stop_api();
}

ControlPlaneOptions ServerRole::plane_options() const {
  const auto& config = base_.config;
  ControlPlaneOptions options;
  options.store.path = config.data_dir / "store.db";
  options.store.witness = config.data_dir / "pki" / "ca.crt";
  options.api.watch_backlog_bytes = static_cast<size_t>(config.watch_backlog_mib) << 20;
  options.api.watch_patience_ms = config.stall_seconds * 1'000;
  options.api.most_long = static_cast<size_t>(config.long_requests);
  options.api.most_waiting = static_cast<size_t>(config.waiting_requests);
  options.api.git_version = std::string("v1.36.0+gantry-") + kVersion;
  if (auto ranges = network::ServiceRanges::parse(config.service_cidr, config.node_ports)) options.services = *ranges;
  options.clock = &base_.clock;
  options.timers = &base_.timers;
  options.blocking = &base_.blocking;
  options.simulated = base_.simulated;
  options.notices = &base_.notices;
  options.log = [&log = base_.log](std::string_view part, int32_t level, std::string_view text) {
    log.write(part, level, text);
  };
  return options;
}

Status ServerRole::open() {
  // The store first: it refuses a second daemon before anything else of this folder is touched.
  auto plane = ControlPlane::open(plane_options());
  if (!plane) return std::move(plane).error();
  plane_ = std::move(*plane);
  if (auto made = make_certificates(); !made.ok()) return made;
  return plane_->serve();
}

Status ServerRole::make_certificates() {
  const fs::path folder = base_.config.data_dir / "pki";
  auth::PkiOptions names;
  names.names = {base_.node_name, base_.address};
  for (const auto& listen : base_.config.listen) {
    if (auto host = listen_host(listen); !host.empty()) names.names.push_back(host);
  }
  std::error_code ignored;
  const bool has_ca = fs::exists(folder / "ca.crt", ignored);
  auto pki = auth::ensure_pki(folder.string(), names);
  if (!pki) return std::move(pki).error();
  pki_ = std::move(*pki);
  for (const auto& note : pki_.notes) base_.log.write("pki", GANTRY_LOG_WARN, note);
  if (!has_ca && plane_->store().revision() > 1) {
    base_.log.write("pki", GANTRY_LOG_WARN,
                    pki_.ca_certificate +
                        " was missing beside a store in use; a new CA is made, and every client needs a "
                        "new kubeconfig");
  }
  return {};
}

Expected<NodeRanges> ServerRole::node_ranges(const std::vector<std::string>& cluster_cidrs) const {
  NodeRanges ranges;
  for (const auto& text : cluster_cidrs) {
    auto cidr = network::Cidr::parse(text);
    if (!cidr) return std::move(cidr).error().in("network.pod_cidr");
    ranges.cluster.push_back(*cidr);
  }
  ranges.prefix_ipv4 = static_cast<int>(base_.config.node_prefix);
  ranges.prefix_ipv6 = static_cast<int>(base_.config.node_prefix_ipv6);
  return ranges;
}

Status ServerRole::run(const std::vector<std::string>& cluster_cidrs) {
  auto ranges = node_ranges(cluster_cidrs);
  if (!ranges) return std::move(ranges).error();
  plane_->start(std::move(*ranges));
  if (auto listening = listen(); !listening.ok()) return listening;
  if (const auto server = network::Address::parse(base_.address)) plane_->advertise(*server, https_->port(0));
  return write_admin_kubeconfig();
}

Status ServerRole::listen() {
  auto authenticator = auth::Authenticator::create({base_.config.token_file.string()});
  if (!authenticator) return std::move(authenticator).error().in("api.token_file");
  http::ServerOptions options;
  options.listen = base_.config.listen;
  options.unix_socket = base_.config.admin_socket().string();
  options.certificate_file = pki_.server_certificate;
  options.key_file = pki_.server_key;
  options.client_ca_file = pki_.ca_certificate;
  options.authenticator = *authenticator;
  options.local = auth::local_admin();
  options.threads = static_cast<size_t>(base_.config.api_threads);
  apply_limits(base_.config, options);
  options.notices = &base_.notices;
  if (base_.simulated != nullptr) outer_ = std::make_unique<TakesTurns>(base_.simulated->turns(), plane_->api());
  auto https = http::HttpsServer::start(std::move(options), outer_ ? *outer_ : plane_->api());
  if (!https) return std::move(https).error();
  https_ = std::move(*https);
  serving_ = https_.get();
  return {};
}

std::vector<std::string> ServerRole::urls() const {
  std::vector<std::string> urls;
  const auto* https = serving_.load();
  for (size_t i = 0; https != nullptr && i < base_.config.listen.size(); ++i) {
    auto host = listen_host(base_.config.listen[i]);
    if (host.empty()) host = base_.address;
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    urls.push_back("https://" + host + ":" + std::to_string(https->port(i)));
  }
  return urls;
}

Status ServerRole::write_admin_kubeconfig() {
  client::ServerConfig admin;
  auto host = listen_host(base_.config.listen.front());
  if (host.empty()) host = "127.0.0.1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  admin.server = "https://" + host + ":" + std::to_string(https_->port(0));
  admin.ca_pem = read_file(pki_.ca_certificate);
  admin.certificate_pem = read_file(pki_.admin_certificate);
  admin.key_pem = read_file(pki_.admin_key);
  const auto& path = base_.config.kubeconfig;
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  std::string kept;
  auto written = client::write_kubeconfig(path.string(), admin, "gantry", &kept);
  if (!written.ok()) return std::move(written).in("api.kubeconfig");
  if (!kept.empty()) {
    base_.log.write("", GANTRY_LOG_WARN,
                    "api.kubeconfig: what was in " + path.string() +
                        " can't be read as a kubeconfig of at most 1 MiB; it is in " + kept + " now");
  }
  base_.log.write("", GANTRY_LOG_INFO, "API at " + admin.server + ", kubeconfig in " + path.string());
  return {};
}

void ServerRole::stop_clients() {
  if (!plane_) return;
  if (plane_->serving()) plane_->api().set_node_backend(nullptr);
  if (https_) https_->stop(std::chrono::milliseconds(0));
  plane_->stop_clients();
}

void ServerRole::stop_api() {
  if (plane_) plane_->stop();
  serving_ = nullptr;
  https_.reset();
}

}  // namespace gantry::daemon
