#include "core/node/pod/container_states.hpp"

#include "gantry/times.hpp"

namespace gantry::node {
namespace {

using Statuses = google::protobuf::RepeatedPtrField<corev1::ContainerStatus>;

const corev1::ContainerStatus* find_status(const Statuses& statuses, const std::string& name) {
  for (const auto& status : statuses) {
    if (status.name() == name) return &status;
  }
  return nullptr;
}

class ContainerStateBuilder {
 public:
  ContainerStateBuilder(const StatusInput& input, const corev1::Container& container,
                        const corev1::ContainerStatus* old, bool init)
      : in_(input), container_(container), old_(old), init_(init) {}

  corev1::ContainerStatus build() {
    out_.set_name(container_.name());
    out_.set_image(container_.image());
    out_.set_image_id("");
    out_.set_ready(false);
    out_.set_started(false);
    out_.set_restart_count(old_ == nullptr ? 0 : old_->restart_count());
    out_.mutable_last_state();
    const auto* newest = in_.view->latest(container_.name());
    if (newest == nullptr) {
      without_instance();
    } else {
      from_instance(*newest);
    }
    add_mounts();
    return std::move(out_);
  }

 private:
  std::string prefixed(const std::string& id) const { return in_.runtime_name + "://" + id; }

  WaitingReason default_reason() const {
    const bool initializing = init_ || in_.pod->spec().init_containers_size() > 0;
    return {initializing ? "PodInitializing" : "ContainerCreating", ""};
  }

  void set_waiting(const WaitingReason& why) {
    auto& waiting = *out_.mutable_state()->mutable_waiting();
    waiting.set_reason(why.reason);
    if (!why.message.empty()) waiting.set_message(why.message);
  }

  const WaitingReason* told() const {
    const auto found = in_.waiting.find(container_.name());
    return found == in_.waiting.end() ? nullptr : &found->second;
  }

  // The runtime has nothing (yet, or any more): what was said before is all there is.
  void without_instance() {
    const bool was_running = old_ != nullptr && old_->state().has_running();
    if (old_ != nullptr && old_->state().has_terminated() && (in_.ended || !restarting())) {
      out_ = *old_;
      return;
    }
    if (old_ != nullptr) {
      *out_.mutable_last_state() = old_->last_state();
      if (old_->state().has_terminated()) *out_.mutable_last_state() = old_->state();
    }
    if (was_running) {
      corev1::ContainerState lost;
      auto& terminated = *lost.mutable_terminated();
      terminated.set_exit_code(137);
      terminated.set_reason("ContainerStatusUnknown");
      terminated.set_message(
          in_.ended ? "The container could not be located when the pod was terminated"
                    : "The container could not be located when the pod was deleted.  The container used to be Running");
      *terminated.mutable_started_at() = old_->state().running().started_at();
      terminated.set_container_id(old_->container_id());
      if (in_.ended) {
        *out_.mutable_state() = std::move(lost);
        return;
      }
      *out_.mutable_last_state() = std::move(lost);
      out_.set_restart_count(out_.restart_count() + 1);
    }
    set_waiting(told() != nullptr ? *told() : default_reason());
  }

  // An ended container whose instance is gone from the runtime will be made again only in a new sandbox.
  bool restarting() const { return in_.view->sandboxes.empty() && !is_terminal(*in_.old) && !done_init(); }
  bool done_init() const { return init_ && !is_sidecar(container_) && old_->state().terminated().exit_code() == 0; }

  void from_instance(const Instance& newest) {
    identify(newest);
    set_last_state(newest);
    if (newest.running() && in_.starting.contains(container_.name())) return set_waiting(default_reason());
    if (newest.running()) {
      *out_.mutable_state()->mutable_running()->mutable_started_at() = to_time(newest.status.started_at());
      const auto probe = in_.probe(newest.id());
      out_.set_started(probe.started);
      out_.set_ready(probe.ready && (!init_ || is_sidecar(container_)));
      add_resources();
      return;
    }
    if (newest.status.state() == cri::CONTAINER_CREATED || newest.status.state() == cri::CONTAINER_UNKNOWN) {
      set_waiting(told() != nullptr ? *told() : default_reason());
      return;
    }
    if (told() != nullptr && !in_.ended) {
      set_terminated(newest, *out_.mutable_last_state());
      set_waiting(*told());
      return;
    }
    set_terminated(newest, *out_.mutable_state());
    if (init_ && !is_sidecar(container_)) out_.set_ready(newest.status.exit_code() == 0);
  }

  void identify(const Instance& instance) {
    const auto& status = instance.status;
    const auto& image = status.image();
    // Runtimes may name an image by its ID only; then the spec's name says more.
    if (!image.image().empty() && !image.image().starts_with("sha256:")) out_.set_image(image.image());
    out_.set_image_id(status.image_ref().empty() ? status.image_id() : status.image_ref());
    out_.set_container_id(prefixed(instance.id()));
    out_.set_restart_count(restart_count(status));
    if (status.has_user() && status.user().has_linux()) {
      auto& user = *out_.mutable_user()->mutable_linux();
      user.set_uid(status.user().linux().uid());
      user.set_gid(status.user().linux().gid());
      for (const auto group : status.user().linux().supplemental_groups()) user.add_supplemental_groups(group);
    }
  }

  void set_last_state(const Instance& newest) {
    for (const auto& instance : in_.view->containers) {
      if (instance.name() != container_.name() || instance.id() == newest.id() || !instance.exited()) continue;
      set_terminated(instance, *out_.mutable_last_state());
      return;
    }
    if (old_ == nullptr) return;
    // The instance before has been removed.
    const bool same = old_->container_id() == out_.container_id();
    if (same || !old_->state().has_terminated()) *out_.mutable_last_state() = old_->last_state();
    if (!same && old_->state().has_terminated()) *out_.mutable_last_state() = old_->state();
  }

  void set_terminated(const Instance& instance, corev1::ContainerState& state) const {
    const auto& status = instance.status;
    state.Clear();
    auto& terminated = *state.mutable_terminated();
    terminated.set_exit_code(status.exit_code());
    terminated.set_reason(!status.reason().empty() ? status.reason() : status.exit_code() == 0 ? "Completed" : "Error");
    std::string message = in_.termination_message ? in_.termination_message(instance) : std::string();
    if (message.empty()) message = status.message();
    if (!message.empty()) terminated.set_message(message);
    *terminated.mutable_started_at() = to_time(status.started_at());
    *terminated.mutable_finished_at() = to_time(status.finished_at());
    terminated.set_container_id(prefixed(instance.id()));
  }

  void add_resources() {
    *out_.mutable_resources() = container_.resources();
    for (const auto& [name, amount] : container_.resources().requests())
      (*out_.mutable_allocated_resources())[name] = amount;
  }

  void add_mounts() {
    if (out_.volume_mounts_size() > 0) return;
    for (const auto& mount : container_.volume_mounts()) {
      auto& to = *out_.add_volume_mounts();
      to.set_name(mount.name());
      to.set_mount_path(mount.mount_path());
      if (!mount.read_only()) continue;
      to.set_read_only(true);
      to.set_recursive_read_only("Disabled");
    }
  }

  const StatusInput& in_;
  const corev1::Container& container_;
  const corev1::ContainerStatus* old_;
  const bool init_;
  corev1::ContainerStatus out_;
};

}  // namespace

void build_container_statuses(const StatusInput& input, corev1::PodStatus& status) {
  for (const auto& container : input.pod->spec().init_containers()) {
    const auto* old = find_status(input.old->init_container_statuses(), container.name());
    *status.add_init_container_statuses() = ContainerStateBuilder(input, container, old, true).build();
  }
  for (const auto& container : input.pod->spec().containers()) {
    const auto* old = find_status(input.old->container_statuses(), container.name());
    *status.add_container_statuses() = ContainerStateBuilder(input, container, old, false).build();
  }
}

}  // namespace gantry::node
