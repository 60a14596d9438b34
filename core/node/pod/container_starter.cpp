#include "core/node/pod/container_starter.hpp"

#include <cstdio>

#include "core/node/pod/pod_files.hpp"
#include "core/node/runtime/container_config.hpp"
#include "core/node/runtime/image_name.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kSecond = 1'000'000'000, kMilli = 1'000'000;
constexpr int64_t kSoonMs = 2'000;
constexpr int64_t kHopelessMs = 10'000;  // where only another's hand helps

// "10s", "1m20s", "5m0s".
std::string go_seconds(int64_t ns) {
  const int64_t seconds = ns / kSecond;
  if (seconds < 60) return std::to_string(seconds) + "s";
  return std::to_string(seconds / 60) + "m" + std::to_string(seconds % 60) + "s";
}

std::string go_precise(int64_t ns) {
  char text[32];
  if (ns < kSecond) {
    std::snprintf(text, sizeof text, "%lldms", static_cast<long long>(ns / kMilli));
  } else {
    std::snprintf(text, sizeof text, "%.3gs", static_cast<double>(ns) / 1e9);
  }
  return text;
}

std::string image_key(const corev1::Pod& pod, const corev1::Container& container) {
  return pod.metadata().uid() + "/" + container.image();
}

}  // namespace

std::string backoff_key(const corev1::Pod& pod, const corev1::Container& container) {
  return pod.metadata().uid() + "/" + container.name() + "/" + container_hash(container);
}

ContainerStarter::Failure ContainerStarter::fail(const corev1::Container& container, const std::string& reason,
                                                 const std::string& message) const {
  parts_.events.container_warning(pod_, container.name(), "Failed", "Error: " + message);
  return {{reason, message}, 0};
}

std::optional<ContainerStarter::Failure> ContainerStarter::start(const ContainerStart& what) {
  const auto& container = *what.container;
  const bool goes_on = is_pulling(container);
  if (auto waits = goes_on ? std::nullopt : wait_for_backoff(container)) return waits;
  std::optional<Failure> failure;
  auto image = goes_on ? pull(container, failure) : ensure_image(container, failure);
  if (failure) return failure;
  auto request = request_for(what, *image);
  if (!request) return fail(container, "CreateContainerConfigError", request.error().message());
  return launch(what, *request);
}

bool ContainerStarter::is_pulling(const corev1::Container& container) const {
  return parts_.pulls->has(pod_.metadata().uid(), container.image());
}

std::optional<ContainerStarter::Failure> ContainerStarter::wait_for_backoff(const corev1::Container& container) {
  const auto* last = job_.view->latest(container.name());
  if (last == nullptr || !last->exited()) return {};
  const auto key = backoff_key(pod_, container);
  const int64_t now = parts_.now(), ended = last->status.finished_at();
  const int64_t left = parts_.container_backoff.remaining_ns(key, ended, now);
  if (left <= 0) {
    parts_.container_backoff.next(key, ended, now);
    return {};
  }
  parts_.events.container_warning(
      pod_, container.name(), "BackOff",
      "Back-off restarting failed container " + container.name() + " in pod " + pod_title(pod_));
  const auto delay = go_seconds(parts_.container_backoff.delay_ns(key));
  return Failure{{"CrashLoopBackOff",
                  "back-off " + delay + " restarting failed container=" + container.name() + " pod=" + pod_title(pod_)},
                 left / kMilli + 1};
}

Expected<cri::Image> ContainerStarter::ensure_image(const corev1::Container& container,
                                                    std::optional<Failure>& failure) {
  const auto& name = container.image();
  const auto& policy = container.image_pull_policy();
  if (auto status = check_image_name(name); !status.ok()) {
    const auto message = "Failed to apply default image tag \"" + name + "\": couldn't parse image name \"" + name +
                         "\": " + status.message();
    parts_.events.container_warning(pod_, container.name(), "InspectFailed", message);
    parts_.events.container_warning(pod_, container.name(), "Failed", "Error: InvalidImageName");
    failure = Failure{{"InvalidImageName", message}, kHopelessMs};
    return status;
  }
  auto found = parts_.runtime.image_status(name);
  if (!found && found.error().code() != 404) {
    parts_.events.container_warning(pod_, container.name(), "InspectFailed",
                                    "Failed to inspect image \"" + name + "\": " + found.error().message());
    failure =
        fail(container, "ImageInspectError", "Failed to inspect image \"" + name + "\": " + found.error().message());
    return found;
  }
  const bool present = found && !found->id().empty();
  if (present && policy != "Always") {
    parts_.events.container_normal(
        pod_, container.name(), "Pulled",
        "Container image \"" + name + "\" already present on machine and can be accessed by the pod");
    return found;
  }
  if (policy == "Never") {
    const std::string message = "Container image \"" + name + "\" is not present with pull policy of Never";
    parts_.events.container_warning(pod_, container.name(), "ErrImageNeverPull", message);
    parts_.events.container_warning(pod_, container.name(), "Failed", "Error: ErrImageNeverPull");
    failure = Failure{{"ErrImageNeverPull", message}, kHopelessMs};
    return Status::not_found(message);
  }
  return pull(container, failure);
}

Expected<cri::Image> ContainerStarter::pull(const corev1::Container& container, std::optional<Failure>& failure) {
  const auto& name = container.image();
  const auto key = image_key(pod_, container);
  const int64_t now = parts_.now();
  if (const int64_t left = parts_.image_backoff.remaining_ns(key, now - parts_.image_backoff.age_ns(key, now), now);
      left > 0 && !is_pulling(container)) {
    const std::string message = "Back-off pulling image \"" + name + "\"";
    parts_.events.container_normal(pod_, container.name(), "BackOff", message);
    parts_.events.container_warning(pod_, container.name(), "Failed", "Error: ImagePullBackOff");
    failure = Failure{{"ImagePullBackOff", message}, left / kMilli + 1};
    return Status::unavailable(message);
  }
  const auto done = parts_.pulls->outcome(pod_.metadata().uid(), name, now, [&](LastingCalls::Then then) {
    parts_.events.container_normal(pod_, container.name(), "Pulling", "Pulling image \"" + name + "\"");
    parts_.runtime.pull_image(name, *job_.sandbox, std::move(then));
  });
  if (done) return pulled(container, *done, failure);
  failure = Failure{{}, kHopelessMs, true};
  return Status::unavailable("image \"" + name + "\" is being pulled");
}

Expected<cri::Image> ContainerStarter::pulled(const corev1::Container& container, const LastingCalls::Done& done,
                                              std::optional<Failure>& failure) {
  const auto& name = container.image();
  auto image = done.answer ? parts_.runtime.image_status(name) : Expected<cri::Image>(done.answer.error());
  if (image && image->id().empty())
    image = Status::not_found("image \"" + name + "\" is not there after it was pulled");
  if (!image) {
    const auto& why = image.error().message();
    parts_.events.container_warning(pod_, container.name(), "Failed", "Failed to pull image \"" + name + "\": " + why);
    parts_.events.container_warning(pod_, container.name(), "Failed", "Error: ErrImagePull");
    parts_.image_backoff.next(image_key(pod_, container), done.begun_ns, parts_.now());
    failure = Failure{{"ErrImagePull", why}, kSoonMs};
    return image;
  }
  const auto took = go_precise(parts_.now() - done.begun_ns);
  parts_.events.container_normal(pod_, container.name(), "Pulled",
                                 "Successfully pulled image \"" + name + "\" in " + took + " (" + took +
                                     " including waiting). Image size: " + std::to_string(image->size()) + " bytes.");
  return image;
}

Expected<cri::CreateContainerRequest> ContainerStarter::request_for(const ContainerStart& what,
                                                                    const cri::Image& image) {
  const auto& container = *what.container;
  ContainerInput input;
  input.pod = &pod_;
  input.container = &container;
  input.restart_count = what.restart_count;
  input.sandbox_id = job_.sandbox_id;
  input.sandbox = job_.sandbox;
  input.memory_capacity = parts_.capacity.memory;
  input.cgroup_v2 = parts_.cgroups.unified();
  input.image = &image;
  auto environment = container_environment(pod_, container, parts_.facts(job_.pod_ips), *parts_.objects);
  if (!environment) return std::move(environment).error();
  input.environment = std::move(*environment);
  auto mounts = parts_.volumes->mounts(pod_, container, input.environment);
  if (!mounts) return std::move(mounts).error();
  input.mounts = std::move(*mounts);
  const auto dir = parts_.volumes->pod_dir(pod_.metadata().uid());
  auto hosts = write_hosts_file(pod_, job_.pod_ips, dir);
  if (!hosts) return std::move(hosts).error();
  input.hosts_file = std::move(*hosts);
  auto message = make_termination_log(dir, container.name(), std::to_string(what.restart_count));
  if (!message) return std::move(message).error();
  input.termination_log = std::move(*message);
  std::error_code error;
  std::filesystem::create_directories(parts_.log_dir(pod_) / container.name(), error);
  if (error) return Status::internal("create the log directory: " + error.message());
  return container_request(input);
}

std::optional<ContainerStarter::Failure> ContainerStarter::launch(const ContainerStart& what,
                                                                  const cri::CreateContainerRequest& request) {
  const auto& container = *what.container;
  // Created by an earlier try, or by a daemon that did not live to start it.
  for (const auto& instance : job_.view->containers) {
    if (instance.name() != container.name() || instance.status.state() != cri::CONTAINER_CREATED) continue;
    if (auto status = parts_.runtime.remove_container(instance.id()); !status.ok()) {
      return fail(container, "CreateContainerError", status.message());
    }
  }
  const auto id = parts_.runtime.create_container(request);
  if (!id) return fail(container, "CreateContainerError", id.error().message());
  parts_.events.container_normal(pod_, container.name(), "Created", "Container created");
  if (auto status = parts_.runtime.start_container(*id); !status.ok()) {
    return fail(container, "RunContainerError", status.message());
  }
  parts_.events.container_normal(pod_, container.name(), "Started", "Container started");
  started_ = *id;
  return {};
}

}  // namespace gantry::node
