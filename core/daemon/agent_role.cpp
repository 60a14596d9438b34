#include "core/daemon/agent_role.hpp"

#include "core/client/https/https_client.hpp"
#include "core/client/https/kubeconfig.hpp"
#include "core/daemon/daemon.hpp"
#include "core/daemon/host_facts.hpp"
#include "core/files/private_folder.hpp"

namespace gantry::daemon {

Expected<std::unique_ptr<client::Client>> AgentRole::remote_client(const Config& config) {
  if (config.node_kubeconfig.empty()) {
    return Status::invalid("node.kubeconfig: an agent without the server role needs the kubeconfig of a server");
  }
  auto server = client::read_kubeconfig(config.node_kubeconfig.string());
  if (!server) return std::move(server).error().in("node.kubeconfig");
  return client::make_https_client(*server);
}

Expected<std::unique_ptr<AgentRole>> AgentRole::start(const Base& base, std::unique_ptr<client::Client> client,
                                                      const std::vector<std::string>& cluster_cidrs) {
  std::unique_ptr<AgentRole> role(new AgentRole());
  role->client_ = std::move(client);
  client::EventRecorder::Options events;
  events.notices = &base.notices;
  role->events_ = std::make_unique<client::EventRecorder>(
      *role->client_, [&clock = base.clock] { return clock.now_unix_ns(); }, events);
  node::NodeOptions options;
  options.client = role->client_.get();
  options.plugins = &base.plugins;
  options.runtime_plugin = base.config.runtime_plugin;
  options.network_plugin = base.config.network_plugin;
  options.overlay_plugin = base.config.overlay_plugin;
  options.node_name = base.node_name;
  options.node_address = base.address;
  for (const auto& label : base.config.node_labels) {
    const auto split = label.find('=');
    options.labels.emplace_back(label.substr(0, split), label.substr(split + 1));
  }
  options.max_pods = base.config.max_pods;
  options.data_dir = base.config.data_dir / "node";
  options.resolv_conf = base.config.resolv_conf;
  options.cgroup_root = base.config.cgroup_root;
  if (options.cgroup_root.empty()) {
    const auto suffix = base.config.instance_suffix();
    options.cgroup_root = suffix.empty() ? "gantry" : "gantry-" + suffix;
  }
  options.cluster_cidrs = cluster_cidrs;
  options.version = std::string("v1.36.0+gantry-") + kVersion;
  options.record_event = [events = role->events_.get(), node = base.node_name](
                             std::string_view regarding, std::string_view type, std::string_view reason,
                             std::string_view message) {
    events->record("kubelet", node, regarding, type, reason, message);
  };
  options.log = base.logger("node");
  options.notices = &base.notices;
  if (auto made = files::ensure_private_folder(options.data_dir); !made.ok()) return made;
  auto agent = node::NodeAgent::create(std::move(options));
  if (!agent) return std::move(agent).error();
  role->agent_ = std::move(*agent);
  role->agent_->start();
  return role;
}

AgentRole::~AgentRole() { stop(); }

void AgentRole::stop() {
  if (agent_) agent_->stop();
}

}  // namespace gantry::daemon
