// One plugin instance: its interfaces, what higher rooms attached, its background tasks.
#include "core/plugin/plugin_host.hpp"

#include "core/plugin/library.hpp"

namespace gantry::plugin {
namespace {
constexpr size_t kMaxTasks = 1'024;
}

Plugin::~Plugin() {
  drain_tasks();
  attachments_.clear();
  if (api_ != nullptr && instance_ != nullptr) api_->destroy(instance_);
}

void Plugin::attach(const std::string& id, std::shared_ptr<void> state) {
  const std::lock_guard lock(mutex_);
  attachments_[id] = std::move(state);
}

std::shared_ptr<void> Plugin::attachment(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto it = attachments_.find(id);
  return it == attachments_.end() ? nullptr : it->second;
}

const void* Plugin::find_interface(std::string_view id) const {
  const auto it = interfaces_.find(id);
  return it == interfaces_.end() ? nullptr : it->second;
}

gantry_code Plugin::run_task(void (*fn)(void*), void* context) {
  {
    const std::lock_guard lock(tasks_mutex_);
    if (tasks_ >= kMaxTasks) return 429;
    ++tasks_;
  }
  // Counted down by the task's own end, also when the pool drops it unrun.
  const std::shared_ptr<void> done(nullptr, [this](void*) {
    const std::lock_guard lock(tasks_mutex_);
    if (--tasks_ == 0) tasks_done_.notify_all();
  });
  return owner_->options().tasks->post([fn, context, done] { fn(context); }) ? 0 : 429;
}

void Plugin::drain_tasks() {
  std::unique_lock lock(tasks_mutex_);
  tasks_done_.wait(lock, [this] { return tasks_ == 0; });
}

}  // namespace gantry::plugin
