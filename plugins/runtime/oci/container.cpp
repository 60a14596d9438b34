// Containers: from an image's layers to a process under conmon, and back to nothing.
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "filter.hpp"
#include "gantry/text.hpp"
#include "mounts.hpp"
#include "runtime.hpp"
#include "signals.hpp"
#include "spec.hpp"
#include "volumes.hpp"

namespace gantry::oci {

using namespace std::chrono_literals;
using Phase = ContainerRecord::Phase;

ContainerRecord Runtime::snapshot(Container& container) {
  const std::scoped_lock lock(container.state);
  refresh(container);
  return container.record;
}

Bundle Runtime::bundle_of(const ContainerRecord& record) const {
  const auto folder = container_dir(record.id);
  return {record.id,       record.runtime,      folder / "bundle",     folder / "conmon",
          record.log_path, record.config.tty(), record.config.stdin(), record.config.stdin_once()};
}

Expected<cri::CreateContainerResponse> Runtime::create_container(const cri::CreateContainerRequest& request) {
  const auto sandbox = find_sandbox(request.pod_sandbox_id());
  if (sandbox == nullptr) return Status::not_found("sandbox \"" + request.pod_sandbox_id() + "\" not found");
  const auto pod = snapshot(*sandbox);
  if (state_of(pod) != cri::SANDBOX_READY) return Status::conflict("sandbox " + pod.id + " is not running");
  const auto& config = request.config();
  const auto runtime = oci_runtime();
  if (!runtime) return runtime.error();
  const auto image = images_->find(config.image().image());
  if (!image) return image.error();

  auto container = std::make_shared<Container>();
  const std::scoped_lock operation(container->operation);
  auto& record = container->record;
  cri::CreateContainerResponse out;
  {
    const std::scoped_lock naming(names_mutex_);
    for (const auto& other : containers(pod.id)) {
      const auto known = snapshot(*other);
      if (known.config.metadata().name() != config.metadata().name() ||
          known.config.metadata().attempt() != config.metadata().attempt()) {
        continue;
      }
      if (known.phase != Phase::Created) {
        return Status::already_exists("a container of this name and attempt exists: " + known.id);
      }
      out.set_container_id(known.id);
      return out;
    }
    record.id = random_id();
    record.sandbox_id = pod.id;
    record.config = config;
    record.image_id = image->id;
    record.image_ref = image->digests.empty() ? image->id : image->digests.front();
    record.layers = image->layers;
    record.runtime = *runtime;
    record.created_at = now();
    record.cgroup = (fs::path(pod.cgroup).parent_path() / record.id).string();
    if (!config.log_path().empty())
      record.log_path = (fs::path(pod.config.log_directory()) / config.log_path()).string();
    const std::scoped_lock lock(mutex_);
    containers_[record.id] = container;
  }
  if (auto status = prepare(*container, pod, *image); !status.ok()) {
    static_cast<void>(unmount_below(container_dir(record.id)));
    static_cast<void>(remove_tree(container_dir(record.id)));
    const std::scoped_lock lock(mutex_);
    containers_.erase(record.id);
    return status;
  }
  out.set_container_id(record.id);
  return out;
}

Status Runtime::prepare(Container& container, const SandboxRecord& sandbox, const ImageRecord& image) {
  ContainerRecord record;
  {
    const std::scoped_lock lock(container.state);
    record = container.record;
  }
  const auto folder = container_dir(record.id);
  for (const auto* part : {"bundle", "upper", "work", "rootfs"}) {
    if (auto status = make_dirs(folder / part, part == std::string_view("bundle") ? 0700 : 0755); !status.ok())
      return status;
  }
  if (auto status = mount_rootfs(record); !status.ok()) return status;
  const auto config = images_->config(image);
  if (!config) return config.error();
  const auto user = resolve_user(folder / "rootfs", record.config.linux().security_context(), config->user);
  if (!user) return user.error();
  record.user = *user;
  record.stop_signal = stop_signal(record.config.stop_signal(), config->stop_signal);

  SpecInput in;
  in.config = &record.config;
  in.sandbox = &sandbox;
  in.image = &*config;
  in.host = &facts_;
  in.cgroups = &cgroups_;
  in.user = *user;
  in.cgroup = record.cgroup;
  in.rootfs = folder / "rootfs";
  const auto& options = record.config.linux().security_context().namespace_options();
  in.shm = options.ipc() == cri::NODE ? fs::path("/dev/shm") : shm_path(sandbox.id);
  in.files = sandbox_dir(sandbox.id) / "files";
  in.pids_limit = options_.pids_limit;
  auto volumes = make_volumes(*config, record.config, in.rootfs, folder / "volumes", options_.max_image_bytes);
  if (!volumes) return volumes.error();
  in.volumes = std::move(*volumes);
  if (options.pid() == cri::TARGET) {
    const auto target = find_container(options.target_id());
    if (target == nullptr) return Status::not_found("container \"" + options.target_id() + "\" not found");
    in.target_pid = snapshot(*target).init.pid;
  }
  const auto wanted_score = record.config.linux().resources().oom_score_adj();
  if (facts_.oom_score(wanted_score) != wanted_score && !oom_clamp_told_.exchange(true)) {
    host_.warn("without CAP_SYS_RESOURCE no OOM score below " + std::to_string(facts_.oom_score_adj) +
               " can be given; containers get that instead");
  }
  if (auto status = write_byte_environment(folder, in); !status.ok()) return status;
  const auto spec = make_spec(in);
  if (!spec) return spec.error();
  if (auto status = write_file_atomic(folder / "bundle" / "config.json", *spec); !status.ok()) return status;
  if (auto status = save(folder, record); !status.ok()) return status;
  const std::scoped_lock lock(container.state);
  container.record = record;
  return {};
}

// Readable by the container's user alone, who has them in its environment anyway.
Status Runtime::write_byte_environment(const fs::path& folder, SpecInput& in) const {
  const auto variables = byte_environment(in);
  if (variables.empty()) return {};
  in.env_file = folder / "env";
  in.with_env = options_.pause.parent_path() / "with-env";
  if (auto status = write_file_atomic(in.env_file, variables, 0400); !status.ok()) return status;
  if (::chown(in.env_file.c_str(), static_cast<uid_t>(in.user.uid), static_cast<gid_t>(in.user.gid)) < 0) {
    return errno_status(in.env_file.string(), errno);
  }
  return {};
}

Status Runtime::mount_rootfs(const ContainerRecord& record) {
  const auto folder = container_dir(record.id);
  if (is_mount(folder / "rootfs")) return {};
  std::vector<fs::path> layers;
  for (const auto& layer : record.layers) layers.push_back(images_->layer_path(layer));
  if (layers.empty()) {
    // An image without layers still needs something to stand on.
    if (auto status = make_dirs(folder / "empty", 0755); !status.ok()) return status;
    layers.push_back(folder / "empty");
  }
  return mount_overlay(layers, folder / "upper", folder / "work", folder / "rootfs");
}

Expected<cri::StartContainerResponse> Runtime::start_container(const cri::StartContainerRequest& request) {
  const auto container = find_container(request.container_id());
  if (container == nullptr) return Status::not_found("container \"" + request.container_id() + "\" not found");
  const std::scoped_lock operation(container->operation);
  const auto record = snapshot(*container);
  if (record.phase == Phase::Running) return cri::StartContainerResponse();
  if (record.phase != Phase::Created) return Status::conflict("container " + record.id + " has already run");
  const auto sandbox = find_sandbox(record.sandbox_id);
  if (sandbox == nullptr) return Status::not_found("sandbox \"" + record.sandbox_id + "\" not found");
  const auto pod = snapshot(*sandbox);
  if (state_of(pod) != cri::SANDBOX_READY) return Status::conflict("sandbox " + pod.id + " is not running");
  const auto status = launch(*container, pod);
  if (status.ok()) return cri::StartContainerResponse();
  // As with other runtimes, a failed start is an exit of its own, so that it can be seen and is not tried again.
  static_cast<void>(tool_.remove(record.runtime, record.id));
  static_cast<void>(cgroups_.remove(record.cgroup));
  const std::scoped_lock lock(container->state);
  container->record.reason = "StartError";
  container->record.message = as_text(status.message());
  record_exit(*container, 128, 0);
  return status;
}

Status Runtime::launch(Container& container, const SandboxRecord& sandbox) {
  const auto set = [&](auto&& change) {
    const std::scoped_lock lock(container.state);
    change(container.record);
    return save(container_dir(container.record.id), container.record);
  };
  auto status = set([](ContainerRecord& r) { r.phase = Phase::Starting; });
  if (!status.ok()) return status;
  ContainerRecord record;
  {
    const std::scoped_lock lock(container.state);
    record = container.record;
  }
  if (status = mount_rootfs(record); !status.ok()) return status;
  const auto bundle = bundle_of(record);
  if (status = make_dirs(bundle.monitor); !status.ok()) return status;
  if (!bundle.log.empty()) {
    if (status = make_dirs(fs::path(bundle.log).parent_path(), 0755); !status.ok()) return status;
  }
  const int64_t begun = host_.monotonic_ns();
  const auto created = tool_.create(bundle);
  const int64_t made = host_.monotonic_ns();
  host_.record(create_time_, static_cast<double>(made - begun) / 1e9);
  if (!created) return created.error();
  // So that ending the daemon's own cgroup, as a service manager does, leaves conmon alone.
  if (auto moved = cgroups_.add(sandbox.cgroup, created->conmon.pid); !moved.ok() && alive(created->conmon)) {
    host_.warn("conmon of " + record.id + " stays in the daemon's cgroup: " + moved.message());
  }
  const auto started_at = now();
  status = tool_.start(bundle);
  host_.record(start_time_, static_cast<double>(host_.monotonic_ns() - made) / 1e9);
  if (!status.ok()) {
    signal_process(created->init, SIGKILL);
    return status;
  }
  status = set([&](ContainerRecord& r) {
    r.init = created->init;
    r.conmon = created->conmon;
    r.started_at = started_at;
    r.phase = Phase::Running;
  });
  // It runs, whatever the disk says; a restart finds it by its pid file.
  if (!status.ok()) host_.warn("record of container " + record.id + ": " + status.message());
  const std::scoped_lock lock(container.state);
  watch(container.record);
  return {};
}

void Runtime::watch(const ContainerRecord& record) {
  auto fd = open_process(record.conmon);
  if (!fd) fd = open_process(record.init);
  if (fd) {
    watch("c" + record.id, std::move(fd));
    return;
  }
  // Both ended before they could be watched: tell it from a thread that may wait for the record's lock.
  auto ended = Fd(::eventfd(1, EFD_CLOEXEC));
  watch("c" + record.id, std::move(ended));
}

void Runtime::refresh(Container& container) {
  auto& record = container.record;
  if (record.phase != Phase::Running) return;
  const auto exit_file = container_dir(record.id) / "conmon" / "exit";
  const auto from_file = [&] {
    const auto text = read_file(exit_file, 64);
    struct stat info {};
    if (!text || text->empty() || ::stat(exit_file.c_str(), &info) < 0) return false;
    record_exit(container, std::atoi(text->c_str()), int64_t{info.st_mtim.tv_sec} * 1000000000 + info.st_mtim.tv_nsec);
    return true;
  };
  if (from_file() || alive(record.conmon) || alive(record.init)) return;
  // conmon may have written between the two looks.
  if (from_file()) return;
  record.message = "the container ended while nothing watched it";
  record_exit(container, 255, 0);
}

void Runtime::record_exit(Container& container, int code, int64_t finished_at) {
  auto& record = container.record;
  std::error_code error;
  const bool oom =
      cgroups_.oom_kills(record.cgroup) > 0 || fs::exists(container_dir(record.id) / "conmon" / "oom", error);
  record.exit_code = code;
  // A file's time comes from a coarser clock, which may be some milliseconds behind.
  record.finished_at = finished_at != 0 ? std::max(finished_at, record.started_at) : now();
  if (record.reason.empty()) {
    record.reason = code == 0                ? "Completed"
                    : oom                    ? "OOMKilled"
                    : record.message.empty() ? "Error"
                                             : "ContainerStatusUnknown";
  }
  record.phase = Phase::Exited;
  if (auto status = save(container_dir(record.id), record); !status.ok()) {
    host_.warn("record of container " + record.id + ": " + status.message());
  }
  container.changed.notify_all();
}

bool Runtime::wait_for_exit(Container& container, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::unique_lock lock(container.state);
  for (;;) {
    // Looked at once a second too: an exit must not be missed because watching it failed.
    refresh(container);
    if (container.record.phase != Phase::Running) return true;
    const auto next = std::min(deadline, std::chrono::steady_clock::now() + 1s);
    container.changed.wait_until(lock, next);
    if (next == deadline && std::chrono::steady_clock::now() >= deadline) {
      refresh(container);
      return container.record.phase != Phase::Running;
    }
  }
}

Expected<cri::StopContainerResponse> Runtime::stop_container(const cri::StopContainerRequest& request) {
  const auto container = find_container(request.container_id());
  if (container == nullptr) return cri::StopContainerResponse();
  std::unique_lock operation(container->operation, std::try_to_lock);
  if (!operation.owns_lock()) {
    // Most likely another stop, which may give it more time than this one does.
    const auto grace = std::chrono::seconds(std::clamp<int64_t>(request.timeout(), 0, 365 * 86400));
    if (!wait_for_exit(*container, grace)) signal_process(snapshot(*container).init, SIGKILL);
    operation.lock();
  }
  if (auto status = stop_now(*container, request.timeout()); !status.ok()) return status;
  return cri::StopContainerResponse();
}

// Beside any other verb: it takes no time, and a start that is under way is not its business.
Expected<cri::StopContainerResponse> Runtime::signal_container(const cri::StopContainerRequest& request) {
  const auto container = find_container(request.container_id());
  if (container == nullptr) return cri::StopContainerResponse();
  const auto record = snapshot(*container);
  if (record.phase == Phase::Running) signal_process(record.init, record.stop_signal);
  return cri::StopContainerResponse();
}

Status Runtime::stop_now(Container& container, int64_t grace_seconds) {
  const auto record = snapshot(container);
  if (record.phase != Phase::Running) return {};
  if (grace_seconds > 0) {
    signal_process(record.init, record.stop_signal);
    if (wait_for_exit(container, std::chrono::seconds(std::min<int64_t>(grace_seconds, 365 * 86400)))) return {};
  }
  signal_process(record.init, SIGKILL);
  // Where the PID namespace is shared, the others of the container don't end with its first process.
  if (!wait_for_exit(container, 2s)) {
    if (auto status = cgroups_.kill_all(record.cgroup); !status.ok()) return status;
    if (!wait_for_exit(container, 30s)) return Status::timeout("container " + record.id + " does not end");
  }
  const auto& options = record.config.linux().security_context().namespace_options();
  return options.pid() == cri::CONTAINER ? Status() : cgroups_.kill_all(record.cgroup);
}

Expected<cri::RemoveContainerResponse> Runtime::remove_container(const cri::RemoveContainerRequest& request) {
  const auto container = find_container(request.container_id());
  if (container == nullptr) return cri::RemoveContainerResponse();
  const std::scoped_lock operation(container->operation);
  if (auto status = remove_now(container); !status.ok()) return status;
  return cri::RemoveContainerResponse();
}

Status Runtime::remove_now(const ContainerPtr& container) {
  if (container->removed) return {};
  if (auto status = stop_now(*container, 0); !status.ok()) return status;
  const auto record = snapshot(*container);
  if (auto status = tool_.remove(record.runtime, record.id); !status.ok()) return status;
  if (auto status = cgroups_.remove(record.cgroup); !status.ok()) return status;
  const auto folder = container_dir(record.id);
  if (auto status = unmount_below(folder); !status.ok()) return status;
  const auto gone = trash();
  std::error_code error;
  fs::rename(folder, gone, error);
  if (error && error != std::errc::no_such_file_or_directory) {
    return errno_status("remove container " + record.id, error.value());
  }
  container->removed = true;
  {
    const std::scoped_lock lock(mutex_);
    containers_.erase(record.id);
  }
  static_cast<void>(remove_tree(gone));
  if (!images_->find(record.image_id)) images_->collect_garbage();
  return {};
}

namespace {

cri::ContainerState state_of(Phase phase) {
  switch (phase) {
    case Phase::Running:
      return cri::CONTAINER_RUNNING;
    case Phase::Exited:
      return cri::CONTAINER_EXITED;
    default:
      return cri::CONTAINER_CREATED;
  }
}

}  // namespace

cri::ContainerStatus Runtime::status_of(const ContainerRecord& record) const {
  cri::ContainerStatus out;
  out.set_id(record.id);
  *out.mutable_metadata() = record.config.metadata();
  out.set_state(oci::state_of(record.phase));
  out.set_created_at(record.created_at);
  out.set_started_at(record.started_at);
  out.set_finished_at(record.finished_at);
  out.set_exit_code(record.exit_code);
  *out.mutable_image() = record.config.image();
  out.set_image_ref(record.image_ref);
  out.set_image_id(record.image_id);
  out.set_reason(record.reason);
  out.set_message(record.message);
  *out.mutable_labels() = record.config.labels();
  *out.mutable_annotations() = record.config.annotations();
  *out.mutable_mounts() = record.config.mounts();
  out.set_log_path(record.log_path);
  *out.mutable_resources()->mutable_linux() = record.config.linux().resources();
  auto& user = *out.mutable_user()->mutable_linux();
  user.set_uid(record.user.uid);
  user.set_gid(record.user.gid);
  for (const auto gid : record.user.groups) user.add_supplemental_groups(gid);
  out.set_stop_signal(record.config.stop_signal());
  return out;
}

Expected<cri::ContainerStatusResponse> Runtime::container_status(const cri::ContainerStatusRequest& request) {
  const auto container = find_container(request.container_id());
  if (container == nullptr) return Status::not_found("container \"" + request.container_id() + "\" not found");
  const auto record = snapshot(*container);
  cri::ContainerStatusResponse out;
  *out.mutable_status() = status_of(record);
  if (record.phase == Phase::Running) (*out.mutable_info())["pid"] = std::to_string(record.init.pid);
  return out;
}

Expected<cri::ListContainersResponse> Runtime::list_containers(const cri::ListContainersRequest& request) {
  cri::ListContainersResponse out;
  const auto& filter = request.filter();
  for (const auto& container : containers()) {
    const auto record = snapshot(*container);
    const auto state = oci::state_of(record.phase);
    if (!id_matches(record.id, filter.id()) || !id_matches(record.sandbox_id, filter.pod_sandbox_id())) continue;
    if (!labels_match(record.config.labels(), filter.label_selector())) continue;
    if (filter.has_state() && filter.state().state() != state) continue;
    auto& item = *out.add_containers();
    item.set_id(record.id);
    item.set_pod_sandbox_id(record.sandbox_id);
    *item.mutable_metadata() = record.config.metadata();
    *item.mutable_image() = record.config.image();
    item.set_image_ref(record.image_ref);
    item.set_image_id(record.image_id);
    item.set_state(state);
    item.set_created_at(record.created_at);
    *item.mutable_labels() = record.config.labels();
    *item.mutable_annotations() = record.config.annotations();
  }
  return out;
}

}  // namespace gantry::oci
