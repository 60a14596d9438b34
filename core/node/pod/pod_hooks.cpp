// postStart hooks: the pod goes on when one has ended, and holds no thread until then.
#include "core/node/pod/pod_sync.hpp"
#include "core/node/runtime/container_config.hpp"

namespace gantry::node {

// True when the container has such a hook: it runs now.
bool PodSync::begin_post_start(const corev1::Container& container, const std::string& id) {
  if (!container.lifecycle().has_post_start()) return false;
  auto running = std::make_shared<PostStart>();
  running->container_id = id;
  memory_.post_starts[container.name()] = running;
  const HookTarget target{id, memory_.pod_ips.empty() ? std::string() : memory_.pod_ips.front(), container};
  running->hook = parts_.hooks->run(container.lifecycle().post_start(), target, 0,
                                    [running, wake = parts_.wake, uid = memory_.uid](const Status& status) {
                                      {
                                        const std::lock_guard lock(running->mutex);
                                        running->result = status;
                                      }
                                      wake(uid);
                                    });
  return true;
}

// Forgets hooks that are done, or whose containers are.
void PodSync::settle_post_starts() {
  for (auto it = memory_.post_starts.begin(); it != memory_.post_starts.end();) {
    auto& hook = *it->second;
    std::optional<Status> result;
    {
      const std::lock_guard lock(hook.mutex);
      result = hook.result;
    }
    const auto* instance = view_.by_id(hook.container_id);
    const bool ended = instance == nullptr || !instance->running();
    if (!ended && result && !result->ok()) fail_post_start(it->first, hook, *result);
    if (!ended && (!result || !result->ok())) {
      ++it;
      continue;
    }
    parts_.hooks->cancel(hook.hook);
    it = memory_.post_starts.erase(it);
  }
}

void PodSync::fail_post_start(const std::string& name, PostStart& hook, const Status& why) {
  if (!hook.failed) {
    parts_.log(2, "postStart of container " + name + " of pod " + pod_title(*pod_) + ": " + why.message());
    parts_.events.container_warning(*pod_, name, "FailedPostStartHook", "PostStartHook failed");
    memory_.waiting[name] = {"PostStartHookError", why.message()};
  }
  hook.failed = true;
  const bool first =
      parts_.killer->kill({memory_.uid, hook.container_id, memory_.pod_ips.empty() ? "" : memory_.pod_ips.front(), pod_,
                           name, pod_->spec().termination_grace_period_seconds()});
  if (first) parts_.events.container_normal(*pod_, name, "Killing", "FailedPostStartHook");
}

void PodSync::cancel_post_starts() {
  for (const auto& [name, running] : memory_.post_starts) parts_.hooks->cancel(running->hook);
  memory_.post_starts.clear();
}

}  // namespace gantry::node
