// Commands in containers, the containers' use of resources, and changing what they may use.
#include <algorithm>

#include "filter.hpp"
#include "runtime.hpp"
#include "spec.hpp"

namespace gantry::oci {

namespace {

constexpr size_t kExecOutput = 16 * 1024;

}  // namespace

Expected<ExecTarget> Runtime::exec_target(const std::string& container_id) {
  const auto container = find_container(container_id);
  if (container == nullptr) return Status::not_found("container \"" + container_id + "\" not found");
  const auto record = snapshot(*container);
  if (record.phase != ContainerRecord::Phase::Running)
    return Status::conflict("container " + container_id + " is not running");
  const auto folder = exec_folder();
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return Status::internal(folder.string() + ": " + failed.message());
  const auto base = folder / random_id().substr(0, 24);
  ExecTarget target{record.id, {}, base.string() + ".json", base.string() + ".pid", base.string() + ".log"};
  target.arguments = tool_.exec_arguments(record.runtime, record.id, target.process, target.pidfile, target.log);
  return target;
}

Status Runtime::write_exec(const std::string& container_id, const ExecTarget& target,
                           const std::vector<std::string>& command, bool tty) const {
  if (command.empty()) return Status::bad_request("no command to exec");
  const auto spec = read_file(container_dir(container_id) / "bundle" / "config.json");
  if (!spec) return spec.error();
  const auto process = make_exec_process(*spec, command, tty);
  if (!process) return process.error();
  return write_file_atomic(target.process, *process);
}

Expected<cri::ExecSyncResponse> Runtime::exec_sync(const cri::ExecSyncRequest& request) {
  const auto target = exec_target(request.container_id());
  if (!target) return target.error();
  const std::vector<std::string> command(request.cmd().begin(), request.cmd().end());
  if (auto status = write_exec(request.container_id(), *target, command, false); !status.ok()) return status;
  const auto output = Execs::collect(*target, std::chrono::seconds(request.timeout()), kExecOutput);
  if (!output) return output.error();
  cri::ExecSyncResponse out;
  out.set_stdout(output->out);
  out.set_stderr(output->err);
  out.set_exit_code(output->code);
  return out;
}

Expected<uint64_t> Runtime::exec(const cri::ExecRequest& request, Fd in, Fd out, Fd err, gantry_exec_exit exited,
                                 void* context) {
  auto target = exec_target(request.container_id());
  if (!target) return target.error();
  const std::vector<std::string> command(request.cmd().begin(), request.cmd().end());
  if (auto status = write_exec(request.container_id(), *target, command, request.tty()); !status.ok()) return status;
  return execs_.start(std::move(*target), request.tty(), std::move(in), std::move(out), std::move(err),
                      [exited, context](const Status& status, int code) {
                        const auto text = status.ok() ? std::string() : to_proto(status).SerializeAsString();
                        exited(context, status.code(), code, to_slice(text));
                      });
}

Expected<cri::UpdateContainerResourcesResponse> Runtime::update_container_resources(
    const cri::UpdateContainerResourcesRequest& request) {
  const auto container = find_container(request.container_id());
  if (container == nullptr) return Status::not_found("container \"" + request.container_id() + "\" not found");
  const std::scoped_lock operation(container->operation);
  auto record = snapshot(*container);
  if (record.phase == ContainerRecord::Phase::Exited)
    return Status::conflict("container " + record.id + " is not running");
  auto& resources = *record.config.mutable_linux()->mutable_resources();
  const auto score = resources.oom_score_adj();
  resources.MergeFrom(request.linux());
  resources.set_oom_score_adj(score);  // fixed at the start
  if (record.phase == ContainerRecord::Phase::Running) {
    const auto wanted = make_resources(request.linux(), cgroups_);
    if (auto status = tool_.update(record.runtime, record.id, wanted); !status.ok()) return status;
  } else if (auto status = rewrite_resources(record); !status.ok()) {
    return status;
  }
  const auto folder = container_dir(record.id);
  if (auto status = write_file_atomic(folder / "config.pb", record.config.SerializeAsString()); !status.ok())
    return status;
  const std::scoped_lock lock(container->state);
  container->record.config = record.config;
  return cri::UpdateContainerResourcesResponse();
}

Status Runtime::rewrite_resources(const ContainerRecord& record) const {
  const auto file = container_dir(record.id) / "bundle" / "config.json";
  const auto spec = read_file(file);
  if (!spec) return spec.error();
  const auto changed = with_resources(*spec, record.config.linux().resources(), cgroups_);
  if (!changed) return changed.error();
  return write_file_atomic(file, *changed);
}

// Counted anew once a minute: it is a walk over all files that the container has written.
Usage Runtime::layer_usage(Container& container, const fs::path& upper) const {
  constexpr int64_t kCountedAgainNs = 60'000'000'000;
  const int64_t now = host_.monotonic_ns();
  {
    const std::lock_guard lock(container.state);
    if (container.layer_at_ns != 0 && now - container.layer_at_ns < kCountedAgainNs) return container.layer;
    container.layer_at_ns = std::max<int64_t>(now, 1);
  }
  const auto counted = tree_usage(upper);
  const std::lock_guard lock(container.state);
  container.layer = counted;
  return counted;
}

Expected<cri::ListContainerStatsResponse> Runtime::list_container_stats(const cri::ListContainerStatsRequest& request) {
  cri::ListContainerStatsResponse out;
  const auto& filter = request.filter();
  for (const auto& container : containers()) {
    const auto record = snapshot(*container);
    if (record.phase != ContainerRecord::Phase::Running) continue;
    if (!id_matches(record.id, filter.id()) || !id_matches(record.sandbox_id, filter.pod_sandbox_id())) continue;
    if (!labels_match(record.config.labels(), filter.label_selector())) continue;
    const auto stats = cgroups_.stats(record.cgroup);
    if (!stats.found) continue;
    auto& item = *out.add_stats();
    item.mutable_attributes()->set_id(record.id);
    *item.mutable_attributes()->mutable_metadata() = record.config.metadata();
    *item.mutable_attributes()->mutable_labels() = record.config.labels();
    *item.mutable_attributes()->mutable_annotations() = record.config.annotations();
    item.mutable_cpu()->set_timestamp(now());
    item.mutable_cpu()->mutable_usage_core_nano_seconds()->set_value(stats.cpu_ns);
    auto& memory = *item.mutable_memory();
    const auto working = stats.memory_usage - std::min(stats.memory_usage, stats.inactive_file);
    memory.set_timestamp(now());
    memory.mutable_usage_bytes()->set_value(stats.memory_usage);
    memory.mutable_working_set_bytes()->set_value(working);
    memory.mutable_rss_bytes()->set_value(stats.rss);
    memory.mutable_page_faults()->set_value(stats.page_faults);
    memory.mutable_major_page_faults()->set_value(stats.major_faults);
    const auto limit = record.config.linux().resources().memory_limit_in_bytes();
    if (limit > 0) {
      memory.mutable_available_bytes()->set_value(static_cast<uint64_t>(limit) -
                                                  std::min(static_cast<uint64_t>(limit), working));
    }
    const auto upper = container_dir(record.id) / "upper";
    const auto used = layer_usage(*container, upper);
    item.mutable_writable_layer()->set_timestamp(now());
    item.mutable_writable_layer()->mutable_fs_id()->set_mountpoint(upper.string());
    item.mutable_writable_layer()->mutable_used_bytes()->set_value(used.bytes);
    item.mutable_writable_layer()->mutable_inodes_used()->set_value(used.inodes);
  }
  return out;
}

}  // namespace gantry::oci
