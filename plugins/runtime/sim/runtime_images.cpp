// Images, commands, logs and the state file of imaginary containers.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <fstream>

#include "dice.hpp"
#include "durations.hpp"
#include "gantry/quantity.hpp"
#include "runtime.hpp"

namespace gantry::sim {
namespace {

cri::Image image(const std::string& name) {
  cri::Image out;
  const bool is_id = name.starts_with("sha256:");
  out.set_id(is_id ? name : "sha256:" + Dice(0, name).digits(kImageId, 0, 64));
  if (!is_id) out.add_repo_tags(name);
  out.set_size(1'000'000);
  return out;
}

// What the pod calls it: the agent itself asks by id.
const std::string& name_of(const cri::ImageSpec& spec) {
  return spec.user_specified_image().empty() ? spec.image() : spec.user_specified_image();
}

std::string echo(const google::protobuf::RepeatedPtrField<std::string>& command) {
  std::string out;
  for (const auto& word : command) out += (out.empty() ? "" : " ") + word;
  return out + "\n";
}

// One length-prefixed message after the other.
template <typename Message>
void put(std::string& out, const Message& message) {
  const auto bytes = message.SerializeAsString();
  const auto size = static_cast<uint32_t>(bytes.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size).append(bytes);
}
template <typename Message>
bool take(std::string_view& in, Message& message) {
  uint32_t size = 0;
  if (in.size() < sizeof size) return false;
  std::copy_n(in.data(), sizeof size, reinterpret_cast<char*>(&size));
  in.remove_prefix(sizeof size);
  if (in.size() < size || !message.ParseFromArray(in.data(), static_cast<int>(size))) return false;
  in.remove_prefix(size);
  return true;
}

}  // namespace

Expected<cri::ListImagesResponse> Runtime::list_images(const cri::ListImagesRequest&) {
  const std::lock_guard lock(mutex_);
  cri::ListImagesResponse out;
  std::map<std::string, bool> seen;
  for (const auto& [id, container] : containers_) {
    const auto& name = name_of(container.status.image());
    if (std::exchange(seen[name], true)) continue;
    *out.add_images() = image(name);
  }
  return out;
}

Expected<cri::ImageStatusResponse> Runtime::image_status(const cri::ImageStatusRequest& in) {
  cri::ImageStatusResponse out;
  *out.mutable_image() = image(in.image().image());
  return out;
}

Expected<cri::PullImageResponse> Runtime::pull_image(const cri::PullImageRequest& in) {
  cri::PullImageResponse out;
  out.set_image_ref(image(in.image().image()).id());
  return out;
}

Expected<cri::RemoveImageResponse> Runtime::remove_image(const cri::RemoveImageRequest&) {
  return cri::RemoveImageResponse();
}

// As if each had used since its start what the pod's annotations say.
Expected<cri::ListContainerStatsResponse> Runtime::list_container_stats(const cri::ListContainerStatsRequest&) {
  cri::ListContainerStatsResponse out;
  const int64_t now = host_.now_unix_ns();
  const std::lock_guard lock(mutex_);
  for (const auto& [id, container] : containers_) {
    if (container.status.state() != cri::CONTAINER_RUNNING) continue;
    const auto sandbox = sandboxes_.find(container.made.pod_sandbox_id());
    if (sandbox == sandboxes_.end()) continue;
    const auto amount = [&](const char* name) {
      const auto parsed = sdk::Quantity::parse(annotation(sandbox->second.config, name));
      return parsed && !parsed->negative() ? *parsed : sdk::Quantity();
    };
    auto& item = *out.add_stats();
    item.mutable_attributes()->set_id(id);
    *item.mutable_attributes()->mutable_metadata() = container.made.config().metadata();
    *item.mutable_attributes()->mutable_labels() = container.made.config().labels();
    item.mutable_cpu()->set_timestamp(now);
    const auto ran_ms = static_cast<uint64_t>(std::max<int64_t>(0, now - container.status.started_at()) / kMilli);
    const auto milli = static_cast<uint64_t>(amount("cpu-usage").milli_value());
    item.mutable_cpu()->mutable_usage_core_nano_seconds()->set_value(ran_ms * milli * 1'000);
    item.mutable_memory()->set_timestamp(now);
    item.mutable_memory()->mutable_working_set_bytes()->set_value(
        static_cast<uint64_t>(amount("memory-usage").value()));
  }
  return out;
}

Expected<cri::UpdateContainerResourcesResponse> Runtime::update_container_resources(
    const cri::UpdateContainerResourcesRequest&) {
  return cri::UpdateContainerResourcesResponse();
}

Status Runtime::must_run(const std::string& container_id) {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(container_id);
  if (found == containers_.end()) return Status::not_found("no container " + container_id);
  if (found->second.status.state() != cri::CONTAINER_RUNNING) {
    return Status::bad_request("container " + container_id + " does not run");
  }
  return {};
}

Expected<cri::ExecSyncResponse> Runtime::exec_sync(const cri::ExecSyncRequest& in) {
  if (auto runs = must_run(in.container_id()); !runs.ok()) return runs;
  cri::ExecSyncResponse out;
  out.set_stdout(echo(in.cmd()));
  return out;
}

Expected<int32_t> Runtime::exec(const cri::ExecRequest& in, int out) {
  if (auto runs = must_run(in.container_id()); !runs.ok()) return runs;
  const auto text = echo(in.cmd());
  // Short enough for any pipe: this never waits for a reader.
  if (out >= 0 && ::write(out, text.data(), text.size()) < 0)
    return Status::internal("the output could not be written");
  return 0;
}

// A line as a kubelet's log reader expects it: time, stream, full line.
void Runtime::write_log(const Sandbox& sandbox, const Container& container, std::string_view line) const {
  if (container.made.config().log_path().empty()) return;
  const auto path = std::filesystem::path(sandbox.config.log_directory()) / container.made.config().log_path();
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  const int64_t now = host_.now_unix_ns();
  const std::time_t seconds = now / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> day, fraction;
  std::strftime(day.data(), day.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(fraction.data(), fraction.size(), ".%09dZ", static_cast<int>(now % 1'000'000'000));
  std::ofstream(path, std::ios::app) << day.data() << fraction.data() << " stdout F " << line << "\n";
}

void Runtime::load() {
  std::ifstream in(file_, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::string_view rest = bytes;
  Sandbox sandbox;
  // A sandbox ends with an empty status: containers follow.
  while (take(rest, sandbox.status) && !sandbox.status.id().empty() && take(rest, sandbox.config)) {
    sandboxes_[sandbox.status.id()] = sandbox;
  }
  Container container;
  while (take(rest, container.status) && take(rest, container.made)) {
    const auto sandbox_of = sandboxes_.find(container.made.pod_sandbox_id());
    const auto& kept = containers_[container.status.id()] = container;
    if (kept.status.state() == cri::CONTAINER_RUNNING && sandbox_of != sandboxes_.end()) {
      plan_end(kept.status.id(), sandbox_of->second);
    }
  }
}

Status Runtime::save_locked() const {
  if (file_.empty()) return {};
  std::string bytes;
  for (const auto& [id, sandbox] : sandboxes_) {
    put(bytes, sandbox.status);
    put(bytes, sandbox.config);
  }
  put(bytes, cri::PodSandboxStatus());
  for (const auto& [id, container] : containers_) {
    put(bytes, container.status);
    put(bytes, container.made);
  }
  auto fresh = file_;
  fresh += ".new";
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << bytes;
    if (!out.flush()) return Status::internal("write " + fresh.string());
  }
  std::error_code error;
  std::filesystem::rename(fresh, file_, error);
  return error ? Status::internal("rename " + fresh.string() + ": " + error.message()) : Status();
}

}  // namespace gantry::sim
