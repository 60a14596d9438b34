#include "runtime.hpp"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>

#include "digest.hpp"
#include "mounts.hpp"

namespace gantry::oci {
namespace {

Expected<RuntimeOptions> read_options(const sdk::Host& host) {
  RuntimeOptions options;
  // Without links: mounts are found again by the names that the kernel has for them.
  std::error_code error;
  options.data_dir = fs::weakly_canonical(host.daemon("data_dir"), error);
  if (!error) options.run_dir = fs::weakly_canonical(host.daemon("run_dir"), error);
  if (error || options.data_dir.empty() || options.run_dir.empty()) {
    return Status::invalid("the host gives no usable data_dir and run_dir");
  }
  const auto pause = host.config_string("pause", (fs::path(host.daemon("libexec_dir")) / "pause").string());
  if (!pause) return pause.error();
  options.pause = *pause;
  const auto conmon = host.config_string("conmon", "conmon");
  if (!conmon) return conmon.error();
  options.conmon = *conmon;
  const auto runtime = host.config_string("runtime", "auto");
  if (!runtime) return runtime.error();
  options.runtimes = *runtime == "auto" ? std::vector<std::string>{"runc", "crun"} : std::vector<std::string>{*runtime};
  const auto cgroup = host.config_string("cgroup_parent", "/gantry");
  if (!cgroup) return cgroup.error();
  options.default_cgroup = *cgroup;
  const auto bytes = host.config_int("max_image_bytes", int64_t{64} << 30);
  if (!bytes) return bytes.error();
  if (*bytes <= 0) return Status::invalid("max_image_bytes must be positive");
  options.max_image_bytes = static_cast<uint64_t>(*bytes);
  const auto pids = host.config_int("pids_limit", 0);
  if (!pids) return pids.error();
  options.pids_limit = *pids;
  const auto log_size = host.config_int("log_size_max", int64_t{50} << 20);
  if (!log_size) return log_size.error();
  options.log_size_max = *log_size;
  return options;
}

uint64_t tool_time(const sdk::Host& host, const std::string& command) {
  return host.metric(GANTRY_METRIC_HISTOGRAM, "gantry_oci_runtime_duration_seconds",
                     "How long conmon and the OCI runtime took.", "command=\"" + command + "\"");
}

}  // namespace

Expected<std::unique_ptr<Runtime>> Runtime::create(sdk::Host host) {
  auto options = read_options(host);
  if (!options) return options.error();
  return std::unique_ptr<Runtime>(new Runtime(host, std::move(*options)));
}

Runtime::Runtime(sdk::Host host, RuntimeOptions options)
    : host_(host),
      create_time_(tool_time(host, "create")),
      start_time_(tool_time(host, "start")),
      options_(std::move(options)),
      cgroups_(Cgroups::of_host()),
      facts_(HostFacts::read()),
      tool_({options_.conmon, options_.run_dir / "oci", options_.run_dir / "sock", options_.log_size_max}) {}

Runtime::~Runtime() = default;

Status Runtime::ready() {
  const std::scoped_lock lock(ready_mutex_);
  if (ready_) return {};
  for (const auto* part : {"sandboxes", "containers", "trash", "images"}) {
    if (auto status = make_dirs(options_.data_dir / part); !status.ok()) return status;
  }
  for (const auto* part : {"netns", "shm", "oci", "sock", "exec"}) {
    if (auto status = make_dirs(options_.run_dir / part); !status.ok()) return status;
  }
  if (!images_) {
    auto store =
        ImageStore::open(options_.data_dir / "images", options_.max_image_bytes, [this] { return layers_in_use(); });
    if (!store) return store.error();
    images_ = std::move(*store);
  }
  if (auto status = recover(); !status.ok()) return status;
  ready_ = true;
  return {};
}

Status Runtime::recover() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.data_dir / "sandboxes", error)) {
    auto record = load_sandbox(entry.path());
    if (!record) {
      host_.warn("sandbox " + entry.path().filename().string() +
                 " was never complete and goes: " + record.error().message());
      SandboxRecord rest;
      rest.id = entry.path().filename().string();
      static_cast<void>(tear_down(rest));
      static_cast<void>(remove_tree(entry.path()));
      continue;
    }
    auto sandbox = std::make_shared<Sandbox>();
    sandbox->record = std::move(*record);
    recover_sandbox(std::move(sandbox));
  }
  for (const auto& entry : fs::directory_iterator(options_.data_dir / "containers", error)) {
    auto record = load_container(entry.path());
    if (!record) {
      host_.warn("container " + entry.path().filename().string() +
                 " was never complete and goes: " + record.error().message());
      static_cast<void>(unmount_below(entry.path()));
      static_cast<void>(remove_tree(entry.path()));
      continue;
    }
    auto container = std::make_shared<Container>();
    container->record = std::move(*record);
    {
      const std::scoped_lock lock(mutex_);
      containers_[container->record.id] = container;
    }
    recover_container(container);
  }
  sweep();
  return {};
}

void Runtime::recover_sandbox(SandboxPtr sandbox) {
  auto& record = sandbox->record;
  if (record.phase == SandboxRecord::Phase::Creating) {
    // Nobody was told its id.
    const auto status = tear_down(record);
    if (!status.ok()) host_.warn("clean up sandbox " + record.id + ": " + status.message());
    static_cast<void>(remove_tree(sandbox_dir(record.id)));
    return;
  }
  if (record.phase == SandboxRecord::Phase::Ready) watch("s" + record.id, open_process(record.pause));
  const std::scoped_lock lock(mutex_);
  sandboxes_[record.id] = std::move(sandbox);
}

void Runtime::recover_container(const ContainerPtr& container) {
  const std::scoped_lock lock(container->state);
  auto& record = container->record;
  if (record.phase == ContainerRecord::Phase::Starting) {
    // Before it is looked at: what still starts it would have it run a moment later.
    end_orphans(record.runtime, record.id);
    const auto monitor = container_dir(record.id) / "conmon";
    record.init = process_of(read_pid(monitor / "pid"));
    record.conmon = process_of(read_pid(monitor / "conmon.pid"));
    std::error_code error;
    const bool ended = fs::exists(monitor / "exit", error);
    if (!ended && (!alive(record.init) || tool_.waits_for_start(record.runtime, record.id, record.init))) {
      reset_unstarted(*container);
      return;
    }
    record.phase = ContainerRecord::Phase::Running;
    if (record.started_at == 0) record.started_at = now();
    static_cast<void>(save(container_dir(record.id), record));
  }
  refresh(*container);
  if (record.phase == ContainerRecord::Phase::Running) watch(record);
}

// A tool runs on when the daemon that started it is killed: conmon with the OCI runtime below it, which would make the
// container a moment after this one has cleaned up.
void Runtime::end_orphans(const std::string& program, const std::string& id) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const auto name = fs::path(program).filename().string();
  for (auto left = processes_with_argument(name, id); !left.empty(); left = processes_with_argument(name, id)) {
    for (const auto& process : left) {
      const auto ended = open_process(process);
      signal_process(process, SIGKILL);
      pollfd wait{ended.get(), POLLIN, 0};
      if (ended) ::poll(&wait, 1, 1000);
    }
    if (std::chrono::steady_clock::now() < deadline) continue;
    return host_.warn(name + " of container " + id + " does not end");
  }
}

// The daemon died while it started this one: nothing of it ran yet, so it is as after create.
void Runtime::reset_unstarted(Container& container) {
  auto& record = container.record;
  end_orphans(options_.conmon, record.id);
  end_orphans(record.runtime, record.id);
  if (auto status = tool_.remove(record.runtime, record.id); !status.ok()) {
    host_.warn("clean up container " + record.id + ": " + status.message());
  }
  static_cast<void>(cgroups_.remove(record.cgroup));
  static_cast<void>(remove_tree(container_dir(record.id) / "conmon"));
  record.init = record.conmon = {};
  record.phase = ContainerRecord::Phase::Created;
  static_cast<void>(save(container_dir(record.id), record));
}

// What belongs to no record: left by a crash between two steps of a removal.
void Runtime::sweep() {
  // First what may still be writing: execs, and a trial of the OCI runtime.
  sweep_execs();
  static_cast<void>(cgroups_.remove(trial_cgroup()));
  std::error_code error;
  const auto known = [&](const fs::path& path) { return find_sandbox(path.filename().string()) != nullptr; };
  for (const auto* part : {"netns", "shm"}) {
    for (const auto& entry : fs::directory_iterator(options_.run_dir / part, error)) {
      if (known(entry.path())) continue;
      static_cast<void>(unmount(entry.path()));
      static_cast<void>(remove_tree(entry.path()));
    }
  }
  for (const auto& entry : fs::directory_iterator(options_.run_dir / "oci", error)) {
    const auto id = entry.path().filename().string();
    if (find_container(id) != nullptr) continue;
    for (const auto& program : options_.runtimes) {
      const auto path = OciTool::find_program(program);
      if (!path.empty() && tool_.remove(path, id).ok()) break;
    }
  }
  for (const auto& folder : {options_.data_dir / "trash", options_.run_dir / "exec"}) {
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (alive(maker_of(entry.path()))) continue;
      static_cast<void>(unmount_below(entry.path()));
      static_cast<void>(remove_tree(entry.path()));
    }
  }
  images_->collect_garbage();
}

// Execs lie in a folder of the process that made them: it may be this one, by an instance of this plugin that is being
// replaced.
fs::path Runtime::exec_folder() const {
  const auto self = process_of(::getpid());
  return options_.run_dir / "exec" / (std::to_string(self.pid) + "-" + std::to_string(self.start_ticks));
}

Process Runtime::maker_of(const fs::path& exec_folder) {
  int pid = 0;
  unsigned long long start = 0;
  if (std::sscanf(exec_folder.filename().c_str(), "%d-%llu", &pid, &start) != 2) return {};
  const auto now = process_of(pid);
  return now.start_ticks == start ? now : Process();
}

// Execs of a daemon that was killed have nobody who waits for them.
void Runtime::sweep_execs() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.run_dir / "exec", error)) {
    if (!alive(maker_of(entry.path()))) end_execs(entry.path());
  }
}

void Runtime::end_execs(const fs::path& folder) {
  for (const auto& left : processes_naming(folder.string())) signal_process(left, SIGKILL);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".pid") continue;
    const auto command = process_of(read_pid(entry.path()));
    const auto cgroup = read_file("/proc/" + std::to_string(command.pid) + "/cgroup");
    for (const auto& container : containers()) {
      if (cgroup && cgroup->find(container->record.id) != std::string::npos) signal_process(command, SIGKILL);
    }
  }
}

// This instance's own, and the same after a crash.
std::string Runtime::trial_cgroup() const {
  return "/gantry-trial-" + sha256_hex(options_.run_dir.string()).substr(0, 16);
}

Expected<std::string> Runtime::oci_runtime() {
  const std::scoped_lock lock(ready_mutex_);
  if (!chosen_.empty()) return chosen_;
  auto found = tool_.choose(options_.runtimes, options_.pause, options_.run_dir / "exec", trial_cgroup());
  static_cast<void>(cgroups_.remove(trial_cgroup()));
  if (!found) return found.error();
  chosen_ = *found;
  host_.info("containers run with " + chosen_);
  return chosen_;
}

void Runtime::watch(const std::string& key, Fd pidfd) {
  loop_.once(std::move(pidfd), [this, key] { on_end(key); });
}

void Runtime::on_end(const std::string& key) {
  const auto id = key.substr(1);
  if (key[0] == 's') {
    if (find_sandbox(id) != nullptr) emit(id, "");
    return;
  }
  const auto container = find_container(id);
  if (container == nullptr) return;
  std::string sandbox_id;
  {
    const std::scoped_lock lock(container->state);
    const bool was_running = container->record.phase == ContainerRecord::Phase::Running;
    refresh(*container);
    sandbox_id = container->record.sandbox_id;
    if (container->record.phase == ContainerRecord::Phase::Running) {
      // conmon died before the container: watch the container itself.
      watch(key, open_process(container->record.init));
      return;
    }
    if (!was_running && container->record.phase != ContainerRecord::Phase::Exited) return;
  }
  emit(sandbox_id, id);
}

void Runtime::emit(const std::string& sandbox_id, const std::string& container_id) {
  const std::scoped_lock lock(sink_mutex_);
  if (sink_ != nullptr) sink_(sink_context_, to_slice(sandbox_id), to_slice(container_id));
}

void Runtime::set_event_sink(gantry_runtime_event sink, void* context) {
  const std::scoped_lock lock(sink_mutex_);
  sink_ = sink;
  sink_context_ = context;
}

Runtime::SandboxPtr Runtime::find_sandbox(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const auto it = sandboxes_.find(id);
  return it == sandboxes_.end() ? nullptr : it->second;
}

Runtime::ContainerPtr Runtime::find_container(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const auto it = containers_.find(id);
  return it == containers_.end() ? nullptr : it->second;
}

std::vector<Runtime::SandboxPtr> Runtime::sandboxes() const {
  const std::scoped_lock lock(mutex_);
  std::vector<SandboxPtr> all;
  for (const auto& [id, sandbox] : sandboxes_) all.push_back(sandbox);
  return all;
}

std::vector<Runtime::ContainerPtr> Runtime::containers(const std::string& sandbox_id) const {
  const std::scoped_lock lock(mutex_);
  std::vector<ContainerPtr> all;
  for (const auto& [id, container] : containers_) {
    if (sandbox_id.empty() || container->record.sandbox_id == sandbox_id) all.push_back(container);
  }
  return all;
}

std::set<std::string> Runtime::layers_in_use() const {
  std::set<std::string> all;
  for (const auto& container : containers())
    all.insert(container->record.layers.begin(), container->record.layers.end());
  return all;
}

Expected<cri::VersionResponse> Runtime::version(const cri::VersionRequest&) {
  const auto runtime = oci_runtime();
  cri::VersionResponse out;
  out.set_version("0.1.0");
  out.set_runtime_name("oci");
  out.set_runtime_api_version("v1");
  const auto version = runtime ? OciTool::version(*runtime) : Expected<std::string>(runtime.error());
  if (!version) return version.error();
  out.set_runtime_version(*version);
  return out;
}

Expected<cri::StatusResponse> Runtime::status(const cri::StatusRequest& request) {
  auto state = ready();
  const auto runtime = oci_runtime();
  if (state.ok() && !runtime) state = runtime.error();
  if (state.ok() && OciTool::find_program(options_.conmon).empty())
    state = Status::unavailable(options_.conmon + ": not found");
  cri::StatusResponse out;
  auto& condition = *out.mutable_status()->add_conditions();
  condition.set_type("RuntimeReady");
  condition.set_status(state.ok());
  if (!state.ok()) {
    condition.set_reason("RuntimeNotReady");
    condition.set_message(state.message());
  }
  // The pod network is a plugin of its own, which the node asks itself.
  auto& network = *out.mutable_status()->add_conditions();
  network.set_type("NetworkReady");
  network.set_status(true);
  out.mutable_features()->set_supplemental_groups_policy(true);
  out.add_runtime_handlers()->mutable_features()->set_recursive_read_only_mounts(true);
  if (request.verbose() && runtime) (*out.mutable_info())["runtime"] = *runtime;
  return out;
}

}  // namespace gantry::oci
