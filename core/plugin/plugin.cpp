// The gate before a plugin's instances, and what is known of the plugin.
#include "core/plugin/plugin.hpp"

#include <chrono>

#include "core/plugin/interface_table.hpp"
#include "core/plugin/metrics_registry.hpp"
#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/metrics.h"
#include "gantry/text.hpp"

namespace gantry::plugin {

std::string_view phase_name(PluginPhase phase) {
  switch (phase) {
    case PluginPhase::kFailed:
      return "Failed";
    case PluginPhase::kRunning:
      return "Running";
    case PluginPhase::kDisabled:
      return "Disabled";
    case PluginPhase::kCrashed:
      return "Crashed";
    case PluginPhase::kReplaced:
      return "Replaced";
  }
  return "Unknown";
}

std::string_view state_name(const PluginInfo& info) {
  return info.phase == PluginPhase::kRunning && !info.waiting.empty() ? "Degraded" : phase_name(info.phase);
}

Plugin::Call& Plugin::Call::operator=(Call&& other) noexcept {
  if (this == &other) return *this;
  Call ended(std::move(*this));
  instance_ = std::move(other.instance_);
  kind_ = other.kind_;
  return *this;
}

Plugin::Call::~Call() {
  if (instance_ == nullptr) return;
  Plugin& plugin = instance_->plugin();
  Instance& instance = *instance_;
  // The host holds every instance that has calls, and destroys it on a thread of its choice: never here.
  instance_.reset();
  plugin.leave(instance, kind_);
}

Plugin::~Plugin() {
  attachments_.clear();
  current_.reset();
}

PluginInfo Plugin::info() const {
  const std::lock_guard lock(mutex_);
  return info_;
}

Plugin* Plugin::heir() const {
  const std::lock_guard lock(mutex_);
  return heir_;
}

void Plugin::set_heir(Plugin* heir) {
  const std::lock_guard lock(mutex_);
  heir_ = heir;
}

const Plugin& Plugin::acting() const {
  const Plugin* next = heir();
  return next == nullptr ? *this : next->acting();
}

bool Plugin::has_interface(std::string_view id) const {
  const auto now = acting().current();
  return now != nullptr && now->find_interface(id) != nullptr;
}

bool Plugin::is_current(const Instance& instance) const {
  const std::lock_guard lock(mutex_);
  return current_.get() == &instance;
}

Plugin::Call Plugin::begin_locked(CallKind kind) {
  if (current_ == nullptr) return {};
  ++(kind == CallKind::kShort ? current_->short_calls_ : current_->long_calls_);
  return {current_, kind};
}

Plugin::Call Plugin::enter(CallKind kind) {
  std::unique_lock lock(mutex_);
  while (closed_) changed_.wait(lock);
  if (heir_ == nullptr) return begin_locked(kind);
  Plugin& next = *heir_;
  lock.unlock();
  return next.enter(kind);
}

Plugin::Call Plugin::try_enter() {
  std::unique_lock lock(mutex_);
  if (closed_) return {};
  if (heir_ == nullptr) return begin_locked(CallKind::kShort);
  Plugin& next = *heir_;
  lock.unlock();
  return next.try_enter();
}

Plugin::Call Plugin::pin(Instance& instance) {
  const std::lock_guard lock(mutex_);
  ++instance.long_calls_;
  return {instance.shared_from_this(), CallKind::kLong};
}

void Plugin::leave(Instance& instance, CallKind kind) {
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    auto& calls = kind == CallKind::kShort ? instance.short_calls_ : instance.long_calls_;
    if (--calls > 0) return;
    over = instance.retired_ && instance.short_calls_ + instance.long_calls_ == 0;
    if (closed_ || instance.retired_) changed_.notify_all();
  }
  if (over) host_.reap_soon();
}

bool Plugin::retire(Instance& instance) {
  const std::lock_guard lock(mutex_);
  instance.retired_ = true;
  return instance.short_calls_ + instance.long_calls_ == 0;
}

std::shared_ptr<Instance> Plugin::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

bool Plugin::close_gate(int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  closed_ = true;
  if (current_ == nullptr || wait_ms <= 0) return true;
  const auto quiet = [this] { return current_->short_calls_ == 0; };
  if (changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), quiet)) return true;
  closed_ = false;
  changed_.notify_all();
  return false;
}

void Plugin::wait_for_short_calls(Instance& instance, int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), [&] { return instance.short_calls_ == 0; });
}

void Plugin::open_gate(std::shared_ptr<Instance> next) {
  {
    const std::lock_guard lock(mutex_);
    current_.swap(next);
    closed_ = false;
  }
  changed_.notify_all();
}

void Plugin::change(const std::function<void(PluginInfo&)>& edit) {
  {
    const std::lock_guard lock(mutex_);
    const auto before = info_.phase;
    edit(info_);
    // Made of what plugins say, and on its way into objects of the API.
    for (auto* text : {&info_.message, &info_.waiting, &info_.crash, &info_.last_overdue, &info_.last_overdue_stack}) {
      if (!is_utf8(*text)) *text = as_text(*text);
    }
    if (info_.phase != before) info_.since_unix_ns = host_.options().clock->now_unix_ns();
    ++info_.revision;
  }
  host_.notify(*this);
}

void Plugin::set_waiting(const std::string& why) {
  if (info().waiting != why) change([&](PluginInfo& info) { info.waiting = why; });
}

Plugin::CallMetrics Plugin::call_metrics(const Member& member) {
  const std::lock_guard lock(mutex_);
  const auto known = call_metrics_.find(member.number);
  if (known != call_metrics_.end()) return known->second;
  auto& registry = host_.metrics();
  const auto labels = "interface=\"" + std::string(interface_of(member.number)->id) + "\",call=\"" + member.name + "\"";
  return call_metrics_[member.number] = {
             registry.declare_about(name_, GANTRY_METRIC_HISTOGRAM, "gantry_plugin_call_duration_seconds",
                                    "How long calls into the plugin took.", labels),
             registry.declare_about(name_, GANTRY_METRIC_COUNTER, "gantry_plugin_call_errors_total",
                                    "Calls into the plugin that failed.", labels)};
}

void Plugin::attach(const std::string& id, std::shared_ptr<void> state) {
  const std::lock_guard lock(mutex_);
  attachments_[id].swap(state);
}

std::shared_ptr<void> Plugin::attachment(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto it = attachments_.find(id);
  return it == attachments_.end() ? nullptr : it->second;
}

std::shared_ptr<void> Plugin::service(const std::string& id) {
  if (auto known = attachment(id)) return known;
  const auto provided = host_.provided_.find(id);
  if (provided == host_.provided_.end() || !provided->second.make) return nullptr;
  auto made = provided->second.make(*this);
  const std::lock_guard lock(mutex_);
  auto& slot = attachments_[id];
  if (slot == nullptr) slot = std::move(made);  // else another thread was first
  return slot;
}

}  // namespace gantry::plugin
