#include "core/daemon/agent_role.hpp"

#include "core/client/https/https_client.hpp"
#include "core/client/https/kubeconfig.hpp"
#include "core/daemon/daemon.hpp"
#include "core/daemon/host_facts.hpp"
#include "core/files/private_folder.hpp"
#include "core/kinds/kinds.hpp"

namespace gantry::daemon {

Expected<RemoteServer> RemoteServer::connect(const Config& config) {
  if (config.node_kubeconfig.empty()) {
    return Status::invalid("node.kubeconfig: an agent without the server role needs the kubeconfig of a server");
  }
  auto server = client::read_kubeconfig(config.node_kubeconfig.string());
  if (!server) return std::move(server).error().in("node.kubeconfig");
  RemoteServer made;
  for (auto* remote : {&made.node, &made.plugins}) {
    auto connected = client::Remote::create(*server);
    if (!connected) return std::move(connected).error();
    *remote = std::move(*connected);
  }
  return made;
}

AgentRole::AgentRole(const Base& base, std::unique_ptr<client::Client> client)
    : base_(base), client_(std::move(client)) {
  client::EventRecorder::Options events;
  events.notices = &base.notices;
  events_ = std::make_unique<client::EventRecorder>(
      *client_, [&clock = base.clock] { return clock.now_unix_ns(); }, events);
}

AgentRole::~AgentRole() { stop(); }

void AgentRole::attach_plugins(std::shared_ptr<client::Remote> server) {
  server_ = std::move(server);
  watches_client_ = client::make_https_client(server_);
  controller::ControllerHostOptions options;
  options.plugins = &base_.plugins;
  options.timers = &base_.timers;
  options.make_client = [this](const std::string&) { return client::make_https_client(server_); };
  options.client = watches_client_.get();
  options.indexes = [this](const controller::InformerKey& what) { return indexes(what); };
  options.record_event = [this](const std::string& who, std::string_view regarding, std::string_view type,
                                std::string_view reason, std::string_view message) {
    events_->record(who, base_.node_name, regarding, type, reason, message);
  };
  options.log = base_.logger("plugins");
  options.notices = &base_.notices;
  options.run_controllers = false;
  services_ = std::make_unique<controller::ControllerHost>(std::move(options));
}

// On the thread that changes plugins.
std::vector<schema::IndexedField> AgentRole::indexes(const controller::InformerKey& what) {
  if (schemas_ == nullptr) {
    auto made = schema::Registry::create(kinds::all());
    if (!made) return {};
    schemas_ = std::move(*made);
  }
  const auto schema = schemas_->now();
  const auto* kind = schema->find_resource(what.group, what.version, what.resource);
  return kind == nullptr ? std::vector<schema::IndexedField>() : kind->indexes;
}

node::NodeOptions AgentRole::node_options(const std::vector<std::string>& cluster_cidrs) const {
  const auto& config = base_.config;
  node::NodeOptions options;
  options.client = client_.get();
  options.plugins = &base_.plugins;
  options.runtime_plugin = config.runtime_plugin;
  options.network_plugin = config.network_plugin;
  options.overlay_plugin = config.overlay_plugin;
  options.node_name = base_.node_name;
  options.node_address = base_.address;
  for (const auto& label : config.node_labels) {
    const auto split = label.find('=');
    options.labels.emplace_back(label.substr(0, split), label.substr(split + 1));
  }
  options.max_pods = config.max_pods;
  options.data_dir = config.data_dir / "node";
  options.resolv_conf = config.resolv_conf;
  options.cgroup_root = config.cgroup_root;
  if (options.cgroup_root.empty()) {
    const auto suffix = config.instance_suffix();
    options.cgroup_root = suffix.empty() ? "gantry" : "gantry-" + suffix;
  }
  options.cluster_cidrs = cluster_cidrs;
  options.version = std::string("v1.36.0+gantry-") + kVersion;
  options.record_event = [events = events_.get(), node = base_.node_name](
                             std::string_view regarding, std::string_view type, std::string_view reason,
                             std::string_view message) {
    events->record("kubelet", node, regarding, type, reason, message);
  };
  options.log = base_.logger("node");
  options.notices = &base_.notices;
  return options;
}

Status AgentRole::start(const std::vector<std::string>& cluster_cidrs) {
  if (services_) services_->start();
  auto options = node_options(cluster_cidrs);
  if (auto made = files::ensure_private_folder(options.data_dir); !made.ok()) return made;
  auto agent = node::NodeAgent::create(std::move(options));
  if (!agent) return std::move(agent).error();
  agent_ = std::move(*agent);
  agent_->start();
  return {};
}

void AgentRole::stop() {
  if (services_) services_->stop();
  if (server_) server_->close();
  if (agent_) agent_->stop();
}

}  // namespace gantry::daemon
