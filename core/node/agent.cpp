#include "core/node/agent.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "core/client/reflector.hpp"
#include "core/node/machine/node_network.hpp"
#include "core/node/node_io.hpp"
#include "core/node/node_parts.hpp"
#include "core/node/pod/pod_sync.hpp"
#include "core/node/pod/pod_table.hpp"
#include "core/node/pod/pod_worker.hpp"
#include "core/node/usage/usage_reporter.hpp"
#include "gantry/bytes.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kRelistMs = 30'000;
constexpr size_t kMaxListedImages = 50;

class Agent final : public NodeAgent, private plugin::PluginUser {
 public:
  Agent(NodeOptions options, AgentClock time, RuntimeClient runtime, NetworkClients networks)
      : parts_(std::move(options), std::move(runtime), std::move(networks)),
        io_(parts_, pods_),
        network_(parts_, {[this] { network_ready(); }, [this](const std::string& why) { network_failed(why); },
                          [this](std::function<void()> work) { jobs_.post(std::move(work)); }, scheduler(time.timers),
                          reader()}),
        workers_(*time.timers, *time.clock, sync_pool_, [this](const std::string& uid) { return sync(uid); }) {
    life_->agent = this;
    parts_.clock = time.clock;
    parts_.timers = time.timers;
    parts_.capacity = machine_capacity(parts_.options);
    parts_.started_unix_ns = time.clock->now_unix_ns();
    make_parts();
  }
  ~Agent() override { stop(); }

  void start() override {
    parts_.runtime.set_event_sink(&Agent::on_runtime_event, this);
    registration_->start();
    jobs_.post([this] { boot(); });
    client::WatchRequest what;
    what.version = "v1";
    what.resource = "pods";
    what.field_selector = "spec.nodeName=" + parts_.options.node_name;
    client::ReflectorHandler handler;
    handler.replace = [this](const client::Client::List& list) {
      for (const auto& uid : pods_.replace(list)) workers_.wake(uid);
      jobs_.post([this] { relist(); });
    };
    handler.event = [this](const client::WatchEvent& event) {
      if (const auto uid = pods_.event(event)) workers_.wake(*uid);
    };
    client::ReflectorOptions watching{scheduler(parts_.timers), reader(), {}};
    pods_watch_ =
        client::start_reflector(*parts_.options.client, std::move(what), std::move(handler), std::move(watching));
    network_.follow_nodes();
    every_relist();
    if (parts_.options.plugins != nullptr) parts_.options.plugins->add_user(this);
  }

  void stop() override {
    if (parts_.stopping.exchange(true)) return;
    {
      const std::lock_guard hold(life_->mutex);
      life_->agent = nullptr;
    }
    if (parts_.options.plugins != nullptr) parts_.options.plugins->remove_user(this);
    pods_watch_.reset();
    watches_.stop();
    network_.stop();
    parts_.runtime.set_event_sink(nullptr, nullptr);
    workers_.stop();
    sync_pool_.stop();
    parts_.stop_calls();
    io_.stop();
    jobs_.stop();
    usage_.reset();
    parts_.prober.reset();
    parts_.statuses.reset();
    parts_.objects.reset();
  }

  bool ready() const override {
    return !parts_.stopping && registration_->registered() && parts_.network_ready && pods_.known();
  }

  Status logs(const client::PodRef& pod, const client::LogOptions& options, int out) override {
    return io_.logs(pod, options, out);
  }
  Expected<std::unique_ptr<client::ExecSession>> exec(const client::PodRef& pod, const client::ExecOptions& options,
                                                      int in, int out, int err,
                                                      std::function<void(Expected<int>)> exited) override {
    return io_.exec(pod, options, in, out, err, std::move(exited));
  }

  Expected<std::vector<std::string>> import_image(int archive_fd) override {
    auto names = parts_.runtime.import_image(archive_fd);
    if (!names) return names;
    jobs_.post([this] { refresh_facts(); });
    // Pods may be waiting for just this image.
    parts_.image_backoff.forget({});
    wake_all();
    return names;
  }

  Expected<std::vector<ImageInfo>> images() override {
    auto images = parts_.runtime.list_images();
    if (!images) return std::move(images).error();
    std::vector<ImageInfo> out;
    for (const auto& image : *images) {
      out.push_back({image.id(),
                     {image.repo_tags().begin(), image.repo_tags().end()},
                     {image.repo_digests().begin(), image.repo_digests().end()},
                     static_cast<int64_t>(image.size())});
    }
    return out;
  }

  Status remove_image(const std::string& name) override {
    auto status = parts_.runtime.remove_image(name);
    jobs_.post([this] { refresh_facts(); });
    return status;
  }

 private:
  // Timers outlive the agent; they find it through this, or find nothing.
  struct Life {
    std::mutex mutex;
    Agent* agent = nullptr;
  };
  using Schedule = std::function<void(int64_t, std::function<void()>)>;

  // Work of timers that may come when the agent has stopped.
  Schedule scheduler(plugin::Timers* timers) {
    return [timers, life = life_](int64_t delay, std::function<void()> fire) {
      timers->start(delay, [life, fire = std::move(fire)] {
        const std::lock_guard hold(life->mutex);
        if (life->agent != nullptr) fire();
      });
    };
  }

  std::function<void(std::function<void()>)> reader() {
    return [this](std::function<void()> read) { watches_.post(std::move(read)); };
  }

  void make_parts() {
    const auto schedule = scheduler(parts_.timers);
    parts_.wake = [this](const std::string& uid) { workers_.wake(uid); };
    parts_.make_lasting();
    parts_.sandbox_seen = [this](const std::string& id, const std::string& uid) { pods_.note_sandbox(id, uid); };
    parts_.objects = make_object_cache(*parts_.options.client, parts_.wake, schedule);
    parts_.volumes = make_volumes(parts_.options.data_dir, *parts_.objects);
    parts_.statuses = std::make_unique<StatusWriter>(
        *parts_.options.client, StatusWriter::Hooks{[this](const std::string& uid) { return pods_.pod(uid); },
                                                    [this](const std::string& uid) { status_written(uid); }, schedule,
                                                    [this](const std::string& uid, const Status& why, bool for_good) {
                                                      status_failed(uid, why, for_good);
                                                    }});
    pods_.seen = [this](const corev1::Pod& pod) { parts_.statuses->seen(pod); };
    ProberHooks probes;
    parts_.commands = std::make_unique<CommandRunner>(parts_.runtime, *parts_.timers);
    probes.exec = [this](const std::string& id, const std::vector<std::string>& command, int timeout,
                         ProberHooks::ExecDone done) {
      parts_.commands->run(id, command, timeout, [done = std::move(done)](Expected<CommandRunner::Result> result) {
        if (!result) return done(std::move(result).error());
        done(std::make_pair(result->exit_code, std::move(result->output)));
      });
    };
    probes.changed = [this](const std::string& uid, const std::string&) { workers_.wake(uid); };
    probes.warn = [this](const ProbeTarget& target, std::string_view reason, std::string_view message) {
      parts_.events.container_warning(target.pod, target.container.name(), reason, message);
    };
    parts_.prober = make_prober(*parts_.timers, std::move(probes));
    Killer::Hooks kills;
    kills.done = parts_.wake;
    kills.hook_failed = [this](const KillOrder& order, const Status& why) {
      parts_.log(2, "preStop of container " + order.container + ": " + why.message());
      parts_.events.container_warning(*order.pod, order.container, "FailedPreStopHook", "PreStopHook failed");
    };
    kills.log = [this](const std::string& text) { parts_.log(2, text); };
    parts_.hooks = std::make_unique<HookRunner>(*parts_.commands, *parts_.timers);
    parts_.killer = std::make_unique<Killer>(parts_.runtime, *parts_.hooks, *parts_.timers, std::move(kills));
    registration_ = make_registration(
        parts_.options, [this] { return facts(); }, [this] { jobs_.post([this] { apply_network(); }); }, reader());
  }

  // The runtime has to answer before pods are touched: its name is part of every status.
  void boot() {
    const auto version = parts_.runtime.version();
    if (!version) {
      set_not_ready("container runtime is down: " + version.error().message());
      scheduler(parts_.timers)(1'000, [this] { jobs_.post([this] { boot(); }); });
      return;
    }
    parts_.runtime_name = version->runtime_name();
    {
      const std::lock_guard lock(facts_mutex_);
      facts_.runtime_name_version = version->runtime_name() + "://" + version->runtime_version();
    }
    refresh_facts();
    workers_.start();
    measure_usage();
    apply_network();
    relist();
  }

  void measure_usage() {
    const std::lock_guard hold(life_->mutex);
    if (life_->agent == nullptr) return;
    usage_ = std::make_unique<UsageReporter>(
        parts_,
        UsageReporter::Hooks{scheduler(parts_.timers), [this](const std::string& uid) { return pods_.pod(uid); }});
  }

  Status adopt(plugin::Plugin& plugin, plugin::Instance* next) override {
    if (acts_for(plugin, parts_.runtime.plugin())) parts_.runtime.adopt(next);
    return network_.adopt(plugin, next);
  }
  static bool acts_for(const plugin::Plugin& plugin, const plugin::Plugin* known) {
    return known != nullptr && &plugin == &known->acting();
  }

  // What ended while nobody listened is found by looking.
  void resume(plugin::Plugin& plugin) override {
    if (acts_for(plugin, parts_.runtime.plugin())) jobs_.post([this] { relist(); });
  }

  void apply_network() {
    if (!parts_.stopping) network_.apply(registration_->node());
  }

  void network_ready() {
    {
      const std::lock_guard lock(facts_mutex_);
      facts_.network_ready = true;
      facts_.why_not_ready.clear();
    }
    registration_->poke();
    wake_all();
  }

  void network_failed(const std::string& why) {
    parts_.log(3, "pod network: " + why);
    if (!parts_.network_ready) set_not_ready("container network is not ready: " + why);
  }

  void set_not_ready(const std::string& why) {
    parts_.log(2, why);
    {
      const std::lock_guard lock(facts_mutex_);
      facts_.why_not_ready = why;
    }
    registration_->poke();
  }

  NodeFacts facts() const {
    const std::lock_guard lock(facts_mutex_);
    return facts_;
  }

  void refresh_facts() {
    const auto status = parts_.runtime.status();
    std::string why = status ? std::string() : status.error().message();
    bool ready = status.ok();
    if (status) {
      for (const auto& condition : status->status().conditions()) {
        if (condition.type() != "RuntimeReady" || condition.status()) continue;
        ready = false;
        why = condition.message();
      }
    }
    auto images = this->images();
    if (images) {
      std::sort(images->begin(), images->end(), [](const auto& a, const auto& b) { return a.size > b.size; });
      if (images->size() > kMaxListedImages) images->resize(kMaxListedImages);
    }
    {
      const std::lock_guard lock(facts_mutex_);
      facts_.runtime_ready = ready;
      if (!ready) facts_.why_not_ready = "container runtime is down: " + why;
      if (ready && facts_.network_ready) facts_.why_not_ready.clear();
      if (images) facts_.images = std::move(*images);
    }
    registration_->poke();
  }

  void every_relist() {
    scheduler(parts_.timers)(kRelistMs, [this] {
      jobs_.post([this] {
        refresh_facts();
        relist();
      });
      every_relist();
    });
  }

  // What events may have missed: a pod whose sandboxes or containers are not what they were is looked at; what belongs
  // to no pod of the API is removed.
  void relist() {
    if (parts_.stopping) return;
    const auto sandboxes = parts_.runtime.list_pod_sandbox();
    const auto containers = parts_.runtime.list_containers();
    if (!sandboxes || !containers) return;
    std::map<std::string, std::string> now;
    const auto uid_of = [](const auto& labels) {
      const auto found = labels.find(labels::kPodUid);
      return found == labels.end() ? std::string() : found->second;
    };
    for (const auto& sandbox : *sandboxes)
      now[sandbox.metadata().uid()] += sandbox.id() + std::to_string(sandbox.state());
    for (const auto& container : *containers)
      now[uid_of(container.labels())] += container.id() + std::to_string(container.state());
    std::set<std::string> uids;
    for (const auto& [uid, print] : now) {
      uids.insert(uid);
      if (const auto found = seen_.find(uid); found == seen_.end() || found->second != print) workers_.wake(uid);
    }
    for (const auto& [uid, print] : seen_) {
      if (!now.contains(uid)) workers_.wake(uid);
    }
    seen_ = std::move(now);
    add_folders(uids);
    for (const auto& uid : pods_.add_orphans(uids)) workers_.wake(uid);
  }

  void add_folders(std::set<std::string>& uids) const {
    for (const auto& uid : parts_.volumes->known()) uids.insert(uid);
    for (const auto& uid : parts_.cgroups.known()) uids.insert(uid);
    std::error_code error;
    for (std::filesystem::directory_iterator it(parts_.options.data_dir / "logs", error), end; !error && it != end;
         it.increment(error)) {
      const auto name = it->path().filename().string();
      if (const auto split = name.rfind('_'); split != std::string::npos) uids.insert(name.substr(split + 1));
    }
  }

  // The end of a pod waits for its last word to be in the API; others have nothing to do then.
  void status_written(const std::string& uid) {
    const auto pod = pods_.pod(uid);
    if (pod != nullptr && pod->metadata().has_deletion_timestamp()) workers_.wake(uid);
  }

  void status_failed(const std::string& uid, const Status& why, bool for_good) const {
    const auto pod = pods_.pod(uid);
    const auto name = pod == nullptr ? uid : pod_title(*pod);
    if (!for_good) {
      parts_.options.trouble("status-unwritten", "the status of pod " + name + " can't be written: " + why.message());
      return;
    }
    const auto text = "the server refuses the status of pod " + name + ": " + why.message();
    parts_.options.trouble("status-refused", text);
    if (pod != nullptr) parts_.events.warning(*pod, "FailedStatusUpdate", text);
  }

  void wake_all() {
    for (const auto& uid : pods_.uids()) workers_.wake(uid);
  }

  PodWorkers::Outcome sync(const std::string& uid) {
    const auto entry = pods_.find(uid);
    if (!entry || parts_.stopping || !pods_.known()) return {};
    const auto result = PodSync(parts_, *entry->memory, entry->pod, entry->gone).run();
    if (result.over) pods_.forget(uid);
    return result.outcome;
  }

  static void on_runtime_event(void* context, gantry_slice sandbox_id, gantry_slice container_id) {
    auto& self = *static_cast<Agent*>(context);
    const std::string id(to_view(sandbox_id));
    if (container_id.size > 0) self.parts_.killer->exited(std::string(to_view(container_id)));
    if (const auto uid = self.pods_.uid_of_sandbox(id)) {
      self.workers_.wake(*uid);
    } else {
      self.jobs_.post([&self] { self.relist(); });
    }
  }

  std::shared_ptr<Life> life_ = std::make_shared<Life>();
  NodeParts parts_;
  PodTable pods_;
  NodeIo io_;
  NodeNetwork network_;
  mutable std::mutex facts_mutex_;
  NodeFacts facts_;
  std::map<std::string, std::string> seen_;  // jobs_ alone
  // One thread: relist, facts and network work come one after the other.
  plugin::WorkerPool jobs_{"node", 1};
  plugin::WorkerPool watches_{"node-watches", 1};  // reads what the client tells
  plugin::WorkerPool sync_pool_{"pods", 16};
  PodWorkers workers_;
  std::unique_ptr<UsageReporter> usage_;
  std::unique_ptr<Registration> registration_;
  std::unique_ptr<client::Reflector> pods_watch_;
};

}  // namespace

std::unique_ptr<NodeAgent> make_agent(NodeOptions options, AgentClock time, RuntimeClient runtime,
                                      NetworkClients networks) {
  return std::make_unique<Agent>(std::move(options), time, std::move(runtime), std::move(networks));
}

}  // namespace gantry::node
