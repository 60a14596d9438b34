// A controller's plugin is exchanged, switched off, or comes later: what ControllerHost does at each step. All on the
// thread that changes plugins, one exchange at a time.
#include "core/controller/controller_host.hpp"
#include "core/controller/running_controller.hpp"

namespace gantry::controller {
namespace {

constexpr std::chrono::seconds kFillLimit(15);

bool same(const gantry::abi::ControllerSpec& a, const gantry::abi::ControllerSpec& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

}  // namespace

Status ControllerHost::prepare(plugin::Plugin& plugin, plugin::Instance& next) {
  exchange_ = {};
  {
    const std::lock_guard lock(mutex_);
    if (!started_ || stopped_) return {};
  }
  exchange_.old = running(plugin);
  exchange_.prepared = &next;
  if (next.interface<gantry_controller>(GANTRY_CONTROLLER_ID) == nullptr) return {};
  auto spec = describe(plugin, next);
  if (!spec) return std::move(spec).error();
  if (exchange_.old != nullptr && same(exchange_.old->spec(), *spec)) {
    exchange_.next = exchange_.old;
    return {};
  }
  // It watches something else: caches and a queue of its own, filled while the old one works.
  exchange_.next = make_controller(plugin, std::move(*spec));
  exchange_.next->hold_events();
  connect(*exchange_.next);
  start_informers();
  return wait_synced(*exchange_.next);
}

Status ControllerHost::wait_synced(const RunningController& controller) {
  std::unique_lock lock(mutex_);
  if (synced_.wait_for(lock, kFillLimit, [&] { return controller.synced(); })) return {};
  return Status::unavailable("the caches of what it watches were not filled within " +
                             std::to_string(kFillLimit.count()) + " s");
}

Status ControllerHost::pause(plugin::Plugin& plugin, int64_t wait_ms) {
  if (exchange_.prepared == nullptr) exchange_.old = running(plugin);  // being switched off
  if (exchange_.old == nullptr) return {};
  // Another queue takes over: it would not know of the keys that are being worked on.
  if (exchange_.old != exchange_.next && wait_ms <= 0) wait_ms = kFillLimit / std::chrono::milliseconds(1);
  if (exchange_.old->queue().pause(wait_ms) || wait_ms <= 0) return {};
  return Status::unavailable("a reconcile did not end within " + std::to_string(wait_ms) + " ms");
}

Status ControllerHost::adopt(plugin::Plugin& plugin, plugin::Instance* next) {
  const bool forward = next != nullptr && next == exchange_.prepared;
  const auto& wanted = forward ? exchange_.next : next != nullptr ? exchange_.old : ControllerPtr();
  if (running(plugin) != wanted) set_running(plugin, wanted);
  exchange_.switched = forward;
  return {};
}

void ControllerHost::resume(plugin::Plugin& plugin) {
  auto exchange = std::exchange(exchange_, {});
  const auto now = running(plugin);
  if (now != nullptr) {
    if (exchange.switched) now->queue().excuse_overdue();
    now->queue().resume();
    now->start_if_synced();
    now->map_held_events();
  }
  for (const auto& gone : {exchange.old, exchange.next}) {
    if (gone != nullptr && gone != now) gone->queue().stop();
  }
  exchange = {};
  drop_unused_informers();
}

// Only the map holds what no controller watches any longer.
void ControllerHost::drop_unused_informers() {
  std::vector<std::shared_ptr<Informer>> unused;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(informers_, [&](auto& known) {
      if (known.second.use_count() > 1) return false;
      unused.push_back(std::move(known.second));
      return true;
    });
  }
  for (const auto& informer : unused) informer->stop();
}

}  // namespace gantry::controller
