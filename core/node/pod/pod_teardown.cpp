// The end of a pod: containers, sandbox, network, folders; and of its object in the API.
#include <algorithm>

#include "core/node/pod/pod_attachment.hpp"
#include "core/node/pod/pod_sync.hpp"
#include "core/node/runtime/container_config.hpp"
#include "gantry/times.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/options.pb.h"

namespace gantry::node {
namespace {

const client::ResourceRef kPodResource{"", "v1", "pods"};
constexpr int64_t kLeastGrace = 1;

}  // namespace

void PodSync::warn_once(const std::string& reason, const std::string& message) {
  if (memory_.last_warning == message) return;
  memory_.last_warning = message;
  parts_.events.warning(*pod_, reason, message);
}

// It has ended (Succeeded, Failed): nothing of it stays but dead containers, for their logs.
PodSync::Result PodSync::finish() {
  cancel_post_starts();
  if (!stop_containers(pod_->spec().termination_grace_period_seconds())) return {};
  const auto cleaned = clean(false);
  if (!cleaned) return woken_later();
  if (!cleaned->ok()) return failed("clean up", *cleaned);
  return {};
}

int64_t PodSync::grace_seconds() const {
  if (pod_ == nullptr) return kLeastGrace;
  const auto& meta = pod_->metadata();
  if (!meta.has_deletion_timestamp()) return kLeastGrace;
  const int64_t whole = meta.has_deletion_grace_period_seconds() ? meta.deletion_grace_period_seconds()
                                                                 : pod_->spec().termination_grace_period_seconds();
  const int64_t left = (to_ns(meta.deletion_timestamp()) - parts_.now() + kNanosPerSecond - 1) / kNanosPerSecond;
  return std::max(kLeastGrace, std::min(whole, left));
}

PodSync::Result PodSync::terminate() {
  cancel_post_starts();
  if (pod_ != nullptr && !gone_) update_probes();
  if (!stop_containers(grace_seconds())) {
    if (!gone_ && !is_terminal(pod_->status())) write_status();
    return {};
  }
  // The last word about its containers, before they are gone.
  if (!gone_ && !is_terminal(pod_->status())) {
    memory_.waiting.clear();
    write_status(true);
    if (!parts_.statuses->settled(memory_.uid)) return {};
  }
  const auto cleaned = clean(true);
  if (!cleaned) return woken_later();
  if (!cleaned->ok()) return failed("clean up", *cleaned);
  parts_.pulls->forget(memory_.uid);
  parts_.sandbox_stops->forget(memory_.uid);
  memory_.cleaned = true;
  parts_.statuses->forget(memory_.uid);
  return gone_ ? Result{{}, true} : delete_object();
}

// True when none runs any more. Sidecars go last, the newest of them first, as they may be needed until then.
bool PodSync::stop_containers(int64_t grace) {
  std::vector<const Instance*> mains, sidecars;
  for (const auto& instance : view_.containers) {
    if (!instance.running() && instance.status.state() != cri::CONTAINER_UNKNOWN) continue;
    bool sidecar = false;
    if (pod_ != nullptr) {
      for (const auto& init : pod_->spec().init_containers())
        sidecar = sidecar || (is_sidecar(init) && init.name() == instance.name());
    }
    (sidecar ? sidecars : mains).push_back(&instance);
  }
  if (mains.empty() && sidecars.empty()) return true;
  const auto kill = [&](const Instance& instance) {
    const bool first =
        parts_.killer->kill({memory_.uid, instance.id(), memory_.pod_ips.empty() ? "" : memory_.pod_ips.front(), pod_,
                             instance.name(), grace});
    if (first && pod_ != nullptr) {
      parts_.events.container_normal(*pod_, instance.name(), "Killing", "Stopping container " + instance.name());
    }
  };
  for (const auto* instance : mains) kill(*instance);
  if (!mains.empty()) return false;
  const Instance* next = sidecars.front();
  for (const auto& init : pod_->spec().init_containers()) {
    for (const auto* instance : sidecars) {
      if (instance->name() == init.name()) next = instance;  // the last in the spec's order
    }
  }
  kill(*next);
  return false;
}

Status PodSync::detach(const cri::PodSandbox& sandbox) {
  const auto status = parts_.runtime.pod_sandbox_status(sandbox.id());
  if (!status && status.error().code() != 404) return status.error();
  std::string netns;
  if (status) {
    if (status->status().linux().namespaces().options().network() == cri::NODE) return {};
    if (const auto found = status->info().find("netns"); found != status->info().end()) netns = found->second;
  }
  corev1::Pod unknown;
  unknown.mutable_metadata()->set_name(sandbox.metadata().name());
  unknown.mutable_metadata()->set_namespace_(sandbox.metadata().namespace_());
  unknown.mutable_metadata()->set_uid(sandbox.metadata().uid());
  return parts_.network.del(make_attachment(sandbox.id(), netns, pod_ != nullptr ? *pod_ : unknown));
}

std::optional<Status> PodSync::stop_sandbox(const cri::PodSandbox& sandbox) {
  const auto& id = sandbox.id();
  if (memory_.stopped.contains(id)) return Status();
  if (!parts_.sandbox_stops->has(memory_.uid, id)) {
    if (auto status = detach(sandbox); !status.ok()) return std::move(status).in("network");
  }
  const auto done = parts_.sandbox_stops->outcome(memory_.uid, id, parts_.now(), [&](LastingCalls::Then then) {
    parts_.runtime.stop_pod_sandbox(id, [then = std::move(then)](const Status& status) {
      then(status.ok() ? Expected<std::string>(std::string()) : Expected<std::string>(status));
    });
  });
  if (!done) return std::nullopt;
  if (!done->answer) return Status(done->answer.error()).in("sandbox");
  memory_.stopped.insert(id);
  return Status();
}

std::optional<Status> PodSync::stop_sandboxes() {
  bool all = true;
  for (const auto& sandbox : view_.sandboxes) {
    const auto stopped = stop_sandbox(sandbox);
    if (stopped && !stopped->ok()) return stopped;
    all = all && stopped;
  }
  if (!all) return std::nullopt;
  memory_.attached.clear();
  memory_.pod_ips.clear();
  return Status();
}

std::optional<Status> PodSync::clean(bool containers_too) {
  if (auto stopped = stop_sandboxes(); !stopped || !stopped->ok()) return stopped;
  if (containers_too) {
    for (const auto& instance : view_.containers) {
      if (auto status = parts_.runtime.remove_container(instance.id()); !status.ok())
        return std::move(status).in("container");
    }
    for (const auto& sandbox : view_.sandboxes) {
      if (auto status = parts_.runtime.remove_pod_sandbox(sandbox.id()); !status.ok())
        return std::move(status).in("sandbox");
    }
  }
  parts_.prober->remove_pod(memory_.uid);
  memory_.probed.clear();
  if (auto status = parts_.volumes->tear_down(memory_.uid); !status.ok()) return std::move(status).in("volumes");
  parts_.objects->release(memory_.uid);
  memory_.holds_objects = false;
  parts_.container_backoff.forget(memory_.uid + "/");
  parts_.image_backoff.forget(memory_.uid + "/");
  if (auto status = parts_.cgroups.remove(memory_.uid); !status.ok()) return std::move(status).in("cgroup");
  if (!containers_too) return Status();
  // The folder of an unknown pod is found by its end.
  std::error_code error;
  for (std::filesystem::directory_iterator it(parts_.options.data_dir / "logs", error), end; !error && it != end;
       it.increment(error)) {
    if (!it->path().filename().string().ends_with("_" + memory_.uid)) continue;
    std::error_code removing;
    std::filesystem::remove_all(it->path(), removing);
    if (removing) return Status::internal("logs: " + removing.message());
  }
  return Status();
}

// The object goes when nothing of the pod is left here. Finalizers may hold it; then its end is somebody else's.
PodSync::Result PodSync::delete_object() {
  if (memory_.deleted) return {};
  auto request = client::delete_request(kPodResource, pod_->metadata().namespace_(), pod_->metadata().name());
  metav1::DeleteOptions options;
  options.set_grace_period_seconds(0);
  options.mutable_preconditions()->set_uid(memory_.uid);
  request.set_body(options.SerializeAsString());
  const auto response = parts_.options.client->call(std::move(request));
  if (response || response.error().code() == 404 || response.error().code() == 409) {
    memory_.deleted = true;
    return {};
  }
  return failed("delete the object", response.error());
}

}  // namespace gantry::node
