// Sandboxes: the pause process with the pod's namespaces, shared memory, files and cgroup.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "filter.hpp"
#include "mounts.hpp"
#include "runtime.hpp"

namespace gantry::oci {
namespace {

const cri::NamespaceOption& namespaces(const SandboxRecord& record) {
  return record.config.linux().security_context().namespace_options();
}

// "/a/b" without anything that leads elsewhere.
Expected<std::string> cgroup_path(const std::string& text) {
  const auto path = fs::path("/" + text).lexically_normal();
  for (const auto& part : path) {
    if (part == "..") return Status::bad_request("cgroup parent \"" + text + "\" is no plain path");
  }
  auto plain = path.string();
  while (plain.size() > 1 && plain.back() == '/') plain.pop_back();
  while (plain.starts_with("//")) plain.erase(0, 1);
  return plain;
}

// In a network namespace of the pod's own, neither port numbers nor pings are a privilege: what other runtimes of
// Kubernetes set.
constexpr const char* kDefaultSysctls[] = {"/proc/sys/net/ipv4/ip_unprivileged_port_start=0",
                                           "/proc/sys/net/ipv4/ping_group_range=0 2147483647"};

// Only what belongs to a namespace of the pod may be set: everything else would change the host.
Expected<std::string> sysctl_file(const std::string& name, const cri::NamespaceOption& options) {
  static const std::set<std::string> ipc = {"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
                                            "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem"};
  auto dotted = name;
  std::ranges::replace(dotted, '/', '.');
  const bool network = dotted.starts_with("net.") && options.network() != cri::NODE;
  const bool shared = (ipc.contains(dotted) || dotted.starts_with("fs.mqueue.")) && options.ipc() != cri::NODE;
  if ((!network && !shared) || dotted.find("..") != std::string::npos) {
    return Status::bad_request("sysctl \"" + name + "\" is not allowed: it belongs to no namespace of the pod");
  }
  // With dots as separators, '/' inside a name (an interface "eth0/1") is not supported; with slashes, dots are part of
  // names.
  auto path = name;
  if (name.find('/') == std::string::npos) std::ranges::replace(path, '.', '/');
  return "/proc/sys/" + path;
}

std::string resolv_conf(const cri::DNSConfig& dns) {
  std::string text;
  const auto line = [&](const char* word, const auto& values) {
    if (values.empty()) return;
    text += word;
    for (const auto& value : values) text += " " + value;
    text += "\n";
  };
  line("search", dns.searches());
  for (const auto& server : dns.servers()) text += "nameserver " + server + "\n";
  line("options", dns.options());
  return text;
}

bool same_name(const cri::PodSandboxMetadata& a, const cri::PodSandboxMetadata& b) {
  return a.name() == b.name() && a.namespace_() == b.namespace_() && a.uid() == b.uid() && a.attempt() == b.attempt();
}

}  // namespace

SandboxRecord Runtime::snapshot(Sandbox& sandbox) const {
  const std::scoped_lock lock(sandbox.state);
  return sandbox.record;
}

cri::PodSandboxState Runtime::state_of(const SandboxRecord& record) const {
  return record.phase == SandboxRecord::Phase::Ready && alive(record.pause) ? cri::SANDBOX_READY
                                                                            : cri::SANDBOX_NOTREADY;
}

Expected<cri::RunPodSandboxResponse> Runtime::run_pod_sandbox(const cri::RunPodSandboxRequest& request) {
  if (!request.runtime_handler().empty()) {
    return Status::bad_request("no runtime for \"" + request.runtime_handler() + "\" is configured");
  }
  if (!request.config().has_metadata() || request.config().metadata().name().empty()) {
    return Status::bad_request("sandbox config must include metadata");
  }
  auto sandbox = std::make_shared<Sandbox>();
  const std::scoped_lock operation(sandbox->operation);
  auto& record = sandbox->record;
  {
    const std::scoped_lock naming(names_mutex_);
    for (const auto& other : sandboxes()) {
      const auto known = snapshot(*other);
      if (!same_name(known.config.metadata(), request.config().metadata())) continue;
      // The call came again because its answer was lost.
      if (state_of(known) == cri::SANDBOX_READY) {
        cri::RunPodSandboxResponse out;
        out.set_pod_sandbox_id(known.id);
        return out;
      }
      return Status::already_exists("a sandbox of this name and attempt exists: " + known.id);
    }
    record.id = random_id();
    record.config = request.config();
    record.created_at = now();
    const auto parent =
        cgroup_path(record.config.linux().cgroup_parent().empty() ? options_.default_cgroup
                                                                  : record.config.linux().cgroup_parent());
    if (!parent) return parent.error();
    record.cgroup = (*parent == "/" ? "" : *parent) + "/" + record.id;
    record.made_parent = !cgroups_.exists(*parent);
    for (const auto& other : sandboxes()) {
      // The last of those that share a parent removes it.
      const auto known = snapshot(*other);
      if (known.made_parent && fs::path(known.cgroup).parent_path() == fs::path(record.cgroup).parent_path())
        record.made_parent = true;
    }
    if (namespaces(record).network() != cri::NODE) record.netns = netns_path(record.id).string();
    const std::scoped_lock lock(mutex_);
    sandboxes_[record.id] = sandbox;
  }
  auto status = make_sandbox(*sandbox);
  if (!status.ok()) {
    if (auto cleaned = tear_down(record); !cleaned.ok())
      host_.warn("clean up sandbox " + record.id + ": " + cleaned.message());
    static_cast<void>(remove_tree(sandbox_dir(record.id)));
    const std::scoped_lock lock(mutex_);
    sandboxes_.erase(record.id);
    return status;
  }
  cri::RunPodSandboxResponse out;
  out.set_pod_sandbox_id(record.id);
  return out;
}

Status Runtime::make_sandbox(Sandbox& sandbox) {
  auto record = snapshot(sandbox);
  const auto folder = sandbox_dir(record.id);
  if (auto status = make_dirs(folder / "root"); !status.ok()) return status;
  if (auto status = save(folder, record); !status.ok()) return status;
  if (auto status = write_pod_files(record); !status.ok()) return status;
  if (auto status = start_pause(record); !status.ok()) return status;
  if (namespaces(record).ipc() != cri::NODE) {
    const auto shm = shm_path(record.id);
    if (auto status = make_dirs(shm); !status.ok()) return status;
    if (auto status = mount_tmpfs(shm, "mode=1777,size=65536k"); !status.ok()) return status;
  }
  record.phase = SandboxRecord::Phase::Ready;
  if (auto status = save(folder, record); !status.ok()) return status;
  const std::scoped_lock lock(sandbox.state);
  sandbox.record = record;
  watch("s" + record.id, open_process(record.pause));
  return {};
}

Status Runtime::write_pod_files(const SandboxRecord& record) {
  const auto folder = sandbox_dir(record.id) / "files";
  if (auto status = make_dirs(folder, 0755); !status.ok()) return status;
  const auto write = [&](const char* name, const std::string& text) {
    return write_file_atomic(folder / name, text, 0644);
  };
  const auto from_host = [&](const char* name) {
    const auto text = read_file(std::string("/etc/") + name);
    return text ? write(name, *text) : Status();
  };
  Status status;
  if (!record.netns.empty() && !record.config.hostname().empty()) {
    status = write("hostname", record.config.hostname() + "\n");
  } else {
    status = from_host("hostname");
  }
  if (status.ok()) status = from_host("hosts");
  if (!status.ok()) return status;
  return record.config.has_dns_config() ? write("resolv.conf", resolv_conf(record.config.dns_config()))
                                        : from_host("resolv.conf");
}

Status Runtime::start_pause(SandboxRecord& record) {
  const auto joins = cgroups_.make(record.cgroup);
  if (!joins) return joins.error();
  const auto folder = sandbox_dir(record.id);
  const auto& options = namespaces(record);
  Spawn what;
  what.arguments = {options_.pause.string(), "--root", (folder / "root").string(), "--pidfile",
                    (folder / "pause.pid").string()};
  const auto add = [&](std::initializer_list<std::string> words) {
    what.arguments.insert(what.arguments.end(), words);
  };
  if (!record.netns.empty()) {
    add({"--net", record.netns, "--uts"});
    if (!record.config.hostname().empty()) add({"--hostname", record.config.hostname()});
  }
  if (options.ipc() != cri::NODE) add({"--ipc"});
  if (options.pid() == cri::POD) add({"--pid"});
  for (const auto& file : *joins) add({"--cgroup", file});
  // First the defaults, so that the pod's own word is the last one.
  if (options.network() != cri::NODE) {
    for (const auto* sysctl : kDefaultSysctls) add({"--default-sysctl", sysctl});
  }
  for (const auto& [name, value] : record.config.linux().sysctls()) {
    const auto file = sysctl_file(name, options);
    if (!file) return file.error();
    add({"--sysctl", *file + "=" + value});
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return errno_status("pipe");
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  what.descriptors = {{theirs.get(), 3}};
  const auto pid = spawn(what);
  if (!pid) return pid.error();
  theirs.reset();
  std::string said;
  std::array<char, 512> chunk;
  for (ssize_t n = 0; (n = ::read(ours.get(), chunk.data(), chunk.size())) > 0;)
    said.append(chunk.data(), static_cast<size_t>(n));
  wait_exit(*pid);
  if (!said.starts_with("ok ")) return Status::internal("pause: " + (said.empty() ? "it ended without a word" : said));
  record.pause = process_of(std::atoi(said.c_str() + 3));
  if (!alive(record.pause)) return Status::internal("pause ended at once");
  return {};
}

// In an order that may be broken off anywhere and begun again.
Status Runtime::tear_down(SandboxRecord& record) {
  const auto folder = sandbox_dir(record.id);
  auto pause = record.pause;
  if (pause.pid == 0) {
    for (const auto& left : processes_with_argument("pause", (folder / "pause.pid").string()))
      signal_process(left, SIGKILL);
    pause = process_of(read_pid(folder / "pause.pid"));
  }
  signal_process(pause, SIGKILL);
  auto status = record.cgroup.empty() ? Status() : cgroups_.remove(record.cgroup);
  for (const auto& mounted : {netns_path(record.id), shm_path(record.id)}) {
    auto unmounted = unmount(mounted);
    if (unmounted.ok()) unmounted = remove_tree(mounted);
    if (status.ok()) status = unmounted;
  }
  if (record.made_parent) cgroups_.remove_if_empty(fs::path(record.cgroup).parent_path().string());
  return status;
}

Status Runtime::stop_sandbox(Sandbox& sandbox) {
  auto record = snapshot(sandbox);
  for (const auto& container : containers(record.id)) {
    const std::scoped_lock operation(container->operation);
    if (auto status = stop_now(*container, 0); !status.ok()) return status;
  }
  if (record.phase == SandboxRecord::Phase::Stopped) return {};
  if (auto status = tear_down(record); !status.ok()) return status;
  record.phase = SandboxRecord::Phase::Stopped;
  if (auto status = save(sandbox_dir(record.id), record); !status.ok()) return status;
  const std::scoped_lock lock(sandbox.state);
  sandbox.record = record;
  return {};
}

Expected<cri::StopPodSandboxResponse> Runtime::stop_pod_sandbox(const cri::StopPodSandboxRequest& request) {
  const auto sandbox = find_sandbox(request.pod_sandbox_id());
  if (sandbox == nullptr) return cri::StopPodSandboxResponse();
  const std::scoped_lock operation(sandbox->operation);
  if (auto status = stop_sandbox(*sandbox); !status.ok()) return status;
  return cri::StopPodSandboxResponse();
}

Expected<cri::RemovePodSandboxResponse> Runtime::remove_pod_sandbox(const cri::RemovePodSandboxRequest& request) {
  const auto sandbox = find_sandbox(request.pod_sandbox_id());
  if (sandbox == nullptr) return cri::RemovePodSandboxResponse();
  const std::scoped_lock operation(sandbox->operation);
  if (auto status = stop_sandbox(*sandbox); !status.ok()) return status;
  for (const auto& container : containers(request.pod_sandbox_id())) {
    const std::scoped_lock lock(container->operation);
    if (auto status = remove_now(container); !status.ok()) return status;
  }
  const auto record = snapshot(*sandbox);
  if (record.made_parent) cgroups_.remove_if_empty(fs::path(record.cgroup).parent_path().string());
  const auto gone = trash();
  std::error_code error;
  fs::rename(sandbox_dir(record.id), gone, error);
  if (error && error != std::errc::no_such_file_or_directory)
    return errno_status("remove sandbox " + record.id, error.value());
  {
    const std::scoped_lock lock(mutex_);
    sandboxes_.erase(record.id);
  }
  static_cast<void>(remove_tree(gone));
  return cri::RemovePodSandboxResponse();
}

Expected<cri::PodSandboxStatusResponse> Runtime::pod_sandbox_status(const cri::PodSandboxStatusRequest& request) {
  const auto sandbox = find_sandbox(request.pod_sandbox_id());
  if (sandbox == nullptr) return Status::not_found("sandbox \"" + request.pod_sandbox_id() + "\" not found");
  const auto record = snapshot(*sandbox);
  cri::PodSandboxStatusResponse out;
  auto& status = *out.mutable_status();
  status.set_id(record.id);
  *status.mutable_metadata() = record.config.metadata();
  status.set_state(state_of(record));
  status.set_created_at(record.created_at);
  *status.mutable_linux()->mutable_namespaces()->mutable_options() = namespaces(record);
  *status.mutable_labels() = record.config.labels();
  *status.mutable_annotations() = record.config.annotations();
  status.set_runtime_handler(record.handler);
  if (!record.netns.empty()) (*out.mutable_info())["netns"] = record.netns;
  if (request.verbose()) (*out.mutable_info())["pid"] = std::to_string(record.pause.pid);
  for (const auto& container : containers(record.id)) *out.add_containers_statuses() = status_of(snapshot(*container));
  out.set_timestamp(now());
  return out;
}

Expected<cri::ListPodSandboxResponse> Runtime::list_pod_sandbox(const cri::ListPodSandboxRequest& request) {
  cri::ListPodSandboxResponse out;
  const auto& filter = request.filter();
  for (const auto& sandbox : sandboxes()) {
    const auto record = snapshot(*sandbox);
    if (record.phase == SandboxRecord::Phase::Creating) continue;
    const auto state = state_of(record);
    if (!id_matches(record.id, filter.id()) || !labels_match(record.config.labels(), filter.label_selector())) continue;
    if (filter.has_state() && filter.state().state() != state) continue;
    auto& item = *out.add_items();
    item.set_id(record.id);
    *item.mutable_metadata() = record.config.metadata();
    item.set_state(state);
    item.set_created_at(record.created_at);
    *item.mutable_labels() = record.config.labels();
    *item.mutable_annotations() = record.config.annotations();
    item.set_runtime_handler(record.handler);
  }
  return out;
}

}  // namespace gantry::oci
