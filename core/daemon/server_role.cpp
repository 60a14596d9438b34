#include "core/daemon/server_role.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/auth/authenticator.hpp"
#include "core/client/https/kubeconfig.hpp"
#include "core/daemon/daemon.hpp"
#include "core/daemon/host_facts.hpp"
#include "core/kinds/kinds.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/store/sqlite_store.hpp"
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

http::Identity component(const std::string& name) { return {"system:" + name, {"system:authenticated"}, {}}; }

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
  Status check_head(const http::Request& head) override { return inner_.check_head(head); }
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

Status ServerRole::open() {
  const fs::path data = base_.config.data_dir;
  auth::PkiOptions names;
  names.names = {base_.node_name, base_.address};
  for (const auto& listen : base_.config.listen) {
    if (auto host = listen_host(listen); !host.empty()) names.names.push_back(host);
  }
  // The store first: it refuses a second daemon before anything else of this folder is touched.
  store::SqliteOptions store_options;
  store_options.path = data / "store.db";
  store_options.notices = &base_.notices;
  store_options.log = base_.logger("store");
  store_options.witness = data / "pki" / "ca.crt";
  if (base_.simulated != nullptr) {
    store_options.turns = &base_.simulated->turns();
    store_options.now = base_.monotonic();
    store_options.schedule = base_.schedule();
  }
  auto store = store::open_sqlite(store_options);
  if (!store) return std::move(store).error();
  store_ = std::move(*store);
  std::error_code ignored;
  const bool has_ca = fs::exists(data / "pki" / "ca.crt", ignored);
  auto pki = auth::ensure_pki((data / "pki").string(), names);
  if (!pki) return std::move(pki).error();
  pki_ = std::move(*pki);
  for (const auto& note : pki_.notes) base_.log.write("pki", GANTRY_LOG_WARN, note);
  if (!has_ca && store_->revision() > 1) {
    base_.log.write("pki", GANTRY_LOG_WARN,
                    pki_.ca_certificate +
                        " was missing beside a store in use; a new CA is made, and every client needs a "
                        "new kubeconfig");
  }
  auto schema = schema::Registry::create(kinds::all());
  if (!schema) return std::move(schema).error();
  schemas_ = std::move(*schema);

  apiserver::Options options;
  options.notices = &base_.notices;
  options.watch_backlog_bytes = static_cast<size_t>(base_.config.watch_backlog_mib) << 20;
  options.watch_patience_ms = base_.config.stall_seconds * 1'000;
  options.most_long = static_cast<size_t>(base_.config.long_requests);
  options.git_version = std::string("v1.36.0+gantry-") + kVersion;
  options.now_unix_ns = [&clock = base_.clock] { return clock.now_unix_ns(); };
  options.post = [this](std::function<void()> work) {
    if (!base_.blocking.post(std::move(work))) {
      base_.log.write("api", GANTRY_LOG_WARN, "too much waits for a thread; a log or exec request was dropped");
    }
  };
  if (auto* time = base_.simulated) {
    options.schedule = base_.schedule();
    options.random = [time] { return time->random(); };
    time->set_mark([this] { return store_->revision(); });
  }
  options.checks.push_back({"informer-sync", [this] { return started_ && controllers_ && controllers_->synced(); }});
  auto api = apiserver::ApiServer::create(*schemas_, *store_, std::move(options));
  if (!api) return std::move(api).error();
  api_ = std::move(*api);
  events_client_ = make_client(component("apiserver"));
  client::EventRecorder::Options events;
  events.notices = &base_.notices;
  events_ = std::make_unique<client::EventRecorder>(
      *events_client_, [&clock = base_.clock] { return clock.now_unix_ns(); }, events);
  return {};
}

std::unique_ptr<client::Client> ServerRole::make_client(http::Identity identity) {
  return client::make_local_client(*api_, std::move(identity));
}

std::vector<controller::ControllerHostOptions::Resource> ServerRole::resources() const {
  std::vector<controller::ControllerHostOptions::Resource> found;
  const auto schema = schemas_->now();
  for (const auto* kind : schema->kinds()) {
    if (kind->has_verb("list") && kind->has_verb("watch")) found.push_back({kind->group, kind->version, kind->plural});
  }
  return found;
}

PluginKinds::Objects ServerRole::stored(const std::string& group, const std::string& plural) const {
  const auto folder = "/" + group + "/" + plural + "/";
  const auto first = store_->list(folder, 0, {}, 1);
  if (!first || first->entries.empty()) return {};
  const auto& entry = *first->entries.front();
  PluginKinds::Objects objects;
  objects.count = 1 + first->remaining;
  objects.namespaced = entry.key.size() > folder.size() && entry.key[folder.size()] != '/';
  const auto document = schema::parse_json(entry.value);
  const auto* object = document ? document->if_object() : nullptr;
  const auto text = [object](const char* field) {
    const auto* value = object == nullptr ? nullptr : object->if_contains(field);
    return value == nullptr || !value->is_string() ? std::string() : std::string(value->as_string());
  };
  objects.kind = text("kind");
  objects.version = text("apiVersion");
  objects.version.erase(0, objects.version.find('/') + 1);
  return objects;
}

// Objects of kinds that nobody brings are there, and nobody sees them.
void ServerRole::say_unserved() const {
  std::string after;
  for (;;) {
    const auto next = store_->list("/", 0, after, 1);
    if (!next || next->entries.empty()) return;
    const auto& key = next->entries.front()->key;  // "/group/plural/namespace/name"
    const auto group_end = key.find('/', 1), plural_end = key.find('/', group_end + 1);
    if (plural_end == std::string::npos) return;
    const auto group = key.substr(1, group_end - 1), plural = key.substr(group_end + 1, plural_end - group_end - 1);
    const auto schema = schemas_->now();
    const auto& kinds = schema->kinds();
    const bool served = std::any_of(kinds.begin(), kinds.end(), [&](const schema::Kind* kind) {
      return kind->group == group && kind->plural == plural;
    });
    if (!served) {
      base_.log.write("api", GANTRY_LOG_WARN,
                      plural + "." + group + ": " + std::to_string(stored(group, plural).count) +
                          " stored, but no plugin that is loaded serves this kind; they are kept until one does");
    }
    after = key.substr(0, plural_end + 1) + "\xff";
  }
}

void ServerRole::provide_interfaces() {
  // Before the controllers, which watch what a plugin brings.
  kinds_ = std::make_unique<PluginKinds>(
      base_.plugins, *schemas_,
      [this] {
        api_->end_outdated_watches();
        controllers_->resources_changed();
      },
      [this](const std::string& group, const std::string& plural) { return stored(group, plural); });
  controllers_client_ = make_client(component("controller-host"));
  controller::ControllerHostOptions options;
  options.plugins = &base_.plugins;
  options.timers = &base_.timers;
  options.make_client = [this](const std::string& plugin) { return make_client(component("plugin:" + plugin)); };
  options.client = controllers_client_.get();
  options.resources = [this] { return resources(); };
  options.indexes = [this](const controller::InformerKey& what) {
    const auto schema = schemas_->now();
    const auto* kind = schema->find_resource(what.group, what.version, what.resource);
    return kind == nullptr ? std::vector<schema::IndexedField>() : kind->indexes;
  };
  options.record_event = [this](const std::string& who, std::string_view regarding, std::string_view type,
                                std::string_view reason, std::string_view message) {
    events_->record(who, "", regarding, type, reason, message);
  };
  options.log = base_.logger("controllers");
  options.notices = &base_.notices;
  controllers_ = std::make_unique<controller::ControllerHost>(std::move(options));
}

Status ServerRole::run(const std::vector<std::string>& cluster_cidrs) {
  say_unserved();
  controllers_->start();
  scheduler_client_ = make_client(component("kube-scheduler"));
  scheduler::SchedulerOptions options;
  options.client = scheduler_client_.get();
  options.clock = &base_.clock;
  options.simulated = base_.simulated != nullptr;
  options.schedule = base_.schedule();
  options.record_event = [this](std::string_view regarding, std::string_view type, std::string_view reason,
                                std::string_view message) {
    events_->record("default-scheduler", "", regarding, type, reason, message);
  };
  options.log = base_.logger("scheduler");
  options.notices = &base_.notices;
  scheduler_ = std::make_unique<scheduler::Scheduler>(std::move(options));
  scheduler_->start();
  if (auto given = give_ranges(cluster_cidrs); !given.ok()) return given;
  started_ = true;
  if (auto listening = listen(); !listening.ok()) return listening;
  return write_admin_kubeconfig();
}

Status ServerRole::give_ranges(const std::vector<std::string>& cluster_cidrs) {
  ranges_client_ = make_client(component("node-ranges"));
  network::PodRangesOptions options;
  options.client = ranges_client_.get();
  for (const auto& text : cluster_cidrs) {
    auto cidr = network::Cidr::parse(text);
    if (!cidr) return std::move(cidr).error().in("network.pod_cidr");
    options.cluster.push_back(*cidr);
  }
  options.node_prefix_ipv4 = static_cast<int>(base_.config.node_prefix);
  options.node_prefix_ipv6 = static_cast<int>(base_.config.node_prefix_ipv6);
  options.now_unix_ns = [&clock = base_.clock] { return clock.now_unix_ns(); };
  options.schedule = base_.schedule();
  options.record_event = [this](std::string_view regarding, std::string_view type, std::string_view reason,
                                std::string_view message) {
    events_->record("cidrAllocator", "", regarding, type, reason, message);
  };
  options.log = base_.logger("network");
  options.trouble = [&notices = base_.notices](std::string_view topic, std::string_view text) {
    notices.tell(topic, "network", GANTRY_LOG_WARN, text);
  };
  ranges_ = std::make_unique<network::PodRanges>(std::move(options));
  return {};
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
  if (base_.simulated != nullptr) outer_ = std::make_unique<TakesTurns>(base_.simulated->turns(), *api_);
  auto https = http::HttpsServer::start(std::move(options), outer_ ? *outer_ : *api_);
  if (!https) return std::move(https).error();
  https_ = std::move(*https);
  return {};
}

std::vector<std::string> ServerRole::urls() const {
  std::vector<std::string> urls;
  for (size_t i = 0; https_ && i < base_.config.listen.size(); ++i) {
    auto host = listen_host(base_.config.listen[i]);
    if (host.empty()) host = base_.address;
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    urls.push_back("https://" + host + ":" + std::to_string(https_->port(i)));
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
  auto written = client::write_kubeconfig(path.string(), admin);
  if (!written.ok()) return std::move(written).in("api.kubeconfig");
  base_.log.write("", GANTRY_LOG_INFO, "API at " + admin.server + ", kubeconfig in " + path.string());
  return {};
}

bool ServerRole::ready() const { return started_ && https_ && controllers_->synced() && store_->health().ok(); }

void ServerRole::stop_clients() {
  started_ = false;
  if (api_) api_->set_node_backend(nullptr);
  if (https_) https_->stop(std::chrono::milliseconds(0));
  ranges_.reset();
  if (scheduler_) scheduler_->stop();
  if (controllers_) controllers_->stop();
  kinds_.reset();
}

void ServerRole::stop_api() {
  scheduler_.reset();
  controllers_.reset();
  events_.reset();
  if (api_) api_->stop();
  https_.reset();
}

}  // namespace gantry::daemon
