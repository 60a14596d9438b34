// What comes back to the plugin later: timers, the ends of execs, runtime events.
#include "core/isolation/host_bridge.hpp"
#include "core/plugin/bounds.hpp"

namespace gantry::isolation {

bool HostBridge::serve_timer(const Frame& frame, PayloadReader& in) {
  if (frame.kind != Kind::kPost) return false;
  const int64_t delay_ms = frame.op == Op::kTimerStart ? in.number<int64_t>() : 0;
  if (!in.done()) return false;
  if (frame.op == Op::kTimerStart) {
    start_timer(frame.id, delay_ms);
  } else {
    cancel_timer(frame.id);
  }
  return true;
}

// The plugin's process chooses the ids, so that starting a timer costs it no round trip.
void HostBridge::start_timer(uint64_t id, int64_t delay_ms) {
  const auto* timer = host_.timer;
  if (timer == nullptr) return;
  Timer* made = nullptr;
  {
    const std::lock_guard lock(timers_mutex_);
    if (timers_.size() >= plugin::bounds::kTimers) return;  // over there fewer are allowed
    auto& slot = timers_[id];
    if (slot != nullptr) return;  // an id is used once; it can only fire once
    slot = std::make_unique<Timer>(Timer{this, id, 0});
    made = slot.get();
  }
  const auto fire = [](void* context) {
    const auto* fired = static_cast<Timer*>(context);
    fired->bridge->fired(fired->id);
  };
  const uint64_t host_id = timer->start(host_.host, delay_ms, fire, made);
  const std::lock_guard lock(timers_mutex_);
  const auto it = timers_.find(id);
  if (it == timers_.end()) return;
  if (host_id == 0) timers_.erase(it);  // refused
  if (host_id != 0) it->second->host_id = host_id;
}

void HostBridge::fired(uint64_t id) {
  decltype(timers_)::node_type timer;
  {
    const std::lock_guard lock(timers_mutex_);
    timer = timers_.extract(id);
  }
  if (timer) tell_({Op::kTimerFired, Kind::kPost, 0, id, {}}, true);
}

void HostBridge::cancel_timer(uint64_t id) {
  uint64_t host_id = 0;
  {
    const std::lock_guard lock(timers_mutex_);
    if (const auto it = timers_.find(id); it != timers_.end()) host_id = it->second->host_id;
  }
  // Not known yet when its start is still under way on another lane: it fires then, and nobody there listens.
  if (host_id == 0) return;
  host_.timer->cancel(host_.host, host_id);
  const std::lock_guard lock(timers_mutex_);
  timers_.erase(id);
}

void HostBridge::cancel_all_timers(const gantry_timer& timer, const gantry_host* host) {
  while (true) {
    uint64_t id = 0, host_id = 0;
    {
      const std::lock_guard lock(timers_mutex_);
      if (timers_.empty()) return;
      id = timers_.begin()->first;
      host_id = timers_.begin()->second->host_id;
    }
    // After this it does not run, so that its context may go.
    timer.cancel(host, host_id);
    const std::lock_guard lock(timers_mutex_);
    timers_.erase(id);
  }
}

uint64_t HostBridge::add_exec(gantry_exec_exit exited, void* context) {
  const std::lock_guard lock(execs_mutex_);
  execs_[++last_exec_] = {exited, context};
  return last_exec_;
}

bool HostBridge::drop_exec(uint64_t token) {
  const std::lock_guard lock(execs_mutex_);
  return execs_.erase(token) > 0;
}

void HostBridge::set_sink(gantry_runtime_event sink, void* context) {
  const std::lock_guard lock(sink_mutex_);
  sink_ = sink;
  sink_context_ = context;
}

bool HostBridge::serve_runtime(const Frame& frame, PayloadReader& in) {
  if (frame.op == Op::kRuntimeEvent) {
    const auto sandbox = to_slice(in.bytes()), container = to_slice(in.bytes());
    if (!in.done()) return false;
    const std::lock_guard lock(sink_mutex_);
    if (sink_ != nullptr) sink_(sink_context_, sandbox, container);
    return true;
  }
  const auto code = in.number<gantry_code>();
  const auto exit_code = in.number<int32_t>();
  const auto error = to_slice(in.bytes());
  if (!in.done()) return false;
  decltype(execs_)::node_type exec;
  {
    const std::lock_guard lock(execs_mutex_);
    exec = execs_.extract(frame.id);
  }
  if (!exec) return false;
  exec.mapped().exited(exec.mapped().context, code, exit_code, error);
  return true;
}

void HostBridge::end(const std::string& error) {
  decltype(execs_) execs;
  {
    const std::lock_guard lock(execs_mutex_);
    execs.swap(execs_);
  }
  for (const auto& [token, exec] : execs) exec.exited(exec.context, 503, 0, to_slice(error));
}

}  // namespace gantry::isolation
