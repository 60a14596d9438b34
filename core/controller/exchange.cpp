// A controller's plugin is exchanged, switched off, or comes later: what ControllerHost does at each step. All on the
// thread that changes plugins, one exchange at a time.
#include <algorithm>

#include "core/controller/controller_host.hpp"
#include "core/controller/running_controller.hpp"

namespace gantry::controller {
namespace {

constexpr std::chrono::seconds kFillLimit(15);
// What a selector filters out is never seen.
constexpr int64_t kSeenLimitMs = 2'000;

}  // namespace

Status ControllerHost::prepare(plugin::Plugin& plugin, plugin::Instance& next) {
  auto& exchange = exchanges_[&plugin] = {};
  const bool something = wants_something(next);
  auto wants = something ? ask_wants(next, plugin.name()) : Wants();
  if (!wants) return std::move(wants).error();
  {
    const std::lock_guard lock(mutex_);
    if (!started_ || stopped_) return {};
  }
  exchange.old = running(plugin);
  exchange.prepared = &next;
  if (!something) return {};
  if (exchange.old != nullptr && exchange.old->wants().same_as(*wants)) {
    exchange.next = exchange.old;
    return {};
  }
  // It watches something else: caches and a queue of its own, filled while the old one works.
  exchange.next = make_controller(plugin, std::move(*wants));
  exchange.next->mapper().hold();
  connect(*exchange.next);
  start_informers();
  // One that takes nobody's place may wait for what another plugin will bring.
  return wait_synced(*exchange.next, exchange.old == nullptr);
}

Status ControllerHost::wait_synced(const RunningController& controller, bool patient) {
  std::unique_lock lock(mutex_);
  const auto decided = [&] { return controller.synced() || !controller.refused().empty(); };
  if (!synced_.wait_for(lock, kFillLimit, decided)) {
    return Status::unavailable("the caches of " + controller.unfilled() + " were not filled within " +
                               std::to_string(kFillLimit.count()) + " s");
  }
  const auto why = controller.refused();
  return why.empty() || patient ? Status() : Status::invalid(why);
}

Status ControllerHost::pause(plugin::Plugin& plugin, int64_t wait_ms) {
  auto& exchange = exchanges_[&plugin];
  if (exchange.prepared == nullptr) exchange.old = running(plugin);  // being switched off
  if (exchange.old == nullptr) return {};
  // Another queue takes over: it would not know of the keys that are being worked on.
  if (exchange.old != exchange.next && wait_ms <= 0) wait_ms = kFillLimit / std::chrono::milliseconds(1);
  bool quiet = exchange.old->queue().pause(wait_ms);
  if (exchange.old != exchange.next) {
    // It is stopped later, which waits for its maps: an exchange that could not end does not begin.
    exchange.old->mapper().hold();
    quiet = exchange.old->mapper().wait_quiet(wait_ms) && quiet;
  }
  // Nor would who works next know of writes that the caches do not show yet.
  if (quiet && exchange.old != exchange.next) exchange.old->wait_seen(std::min(wait_ms, kSeenLimitMs));
  if (quiet || wait_ms <= 0) return {};
  return Status::unavailable((exchange.old->reconciles() ? "a reconcile" : "being told of a change") +
                             std::string(" did not end within ") + std::to_string(wait_ms) + " ms");
}

Status ControllerHost::adopt(plugin::Plugin& plugin, plugin::Instance* next) {
  auto& exchange = exchanges_[&plugin];
  const bool forward = next != nullptr && next == exchange.prepared;
  // Whose place another plugin takes is at work until then.
  if (forward && exchanges_.size() > 1 && exchange.next != nullptr) {
    if (auto why = exchange.next->refused(); !why.empty()) return Status::invalid(why);
  }
  const auto& wanted = forward ? exchange.next : next != nullptr ? exchange.old : ControllerPtr();
  if (running(plugin) != wanted) set_running(plugin, wanted);
  exchange.switched = forward;
  return {};
}

void ControllerHost::resume(plugin::Plugin& plugin) {
  auto exchange = std::move(exchanges_[&plugin]);
  exchanges_.erase(&plugin);
  const auto now = running(plugin);
  if (now != nullptr) now->go_on(exchange.switched);
  for (const auto& gone : {exchange.old, exchange.next}) {
    if (gone != nullptr && gone != now) gone->stop();
  }
  exchange = {};
  drop_unused_informers();
  tell_waiting();
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
