// A plugin takes the place of another one for the same job: [plugin.NEW] replaces = "OLD". The steps are those of a
// reload, with two places: whatever fails leaves the old one at work.
#include "gantry/abi/draft/handover.h"

#include <algorithm>
#include <utility>

#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/log.h"
#include "gantry/abi/reload.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::plugin {
namespace {

constexpr gantry_code kWithoutState = 501;

// What take_over is given and gives back, should it outlive who asked.
struct Offer {
  std::string state, name, version;
  bool saved = false;
  gantry_code code = 0;
  Buffer refused;
};

}  // namespace

Status PluginHost::offer_state(Instance& old, Instance& next, bool can_save) {
  const auto* to = next.interface<gantry_handover>(GANTRY_HANDOVER_ID);
  if (to == nullptr) return {};
  const auto* from = can_save ? old.interface<gantry_reload>(GANTRY_RELOAD_ID) : nullptr;
  const auto offer = std::make_shared<Offer>();
  if (from != nullptr) {
    auto state = save_state(old, *from);
    if (!state) return std::move(state).error().in("the plugin to be replaced could not save its state");
    offer->state = std::move(*state);
    offer->saved = true;
  }
  offer->name = old.image().name;
  offer->version = old.image().version;
  auto called = next.call_main("take_over", [offer, to, instance = next.get()] {
    const gantry_predecessor predecessor{sizeof predecessor, offer->name.c_str(), offer->version.c_str(),
                                         offer->saved ? 1 : 0};
    offer->code = to->take_over(instance, &predecessor, to_slice(offer->state), offer->refused.out());
  });
  if (called.ok() && offer->code != 0 && offer->code != kWithoutState) {
    called = status_of(offer->code, offer->refused.view());
  }
  return called.ok() ? called : std::move(called).in("it does not take over from " + old.image().name);
}

// `heir` does not run yet, `old` does.
Status PluginHost::take_over(Plugin& heir, Plugin& old, const PluginSettings& settings) {
  ImageInfo image;
  auto next = make_instance(heir, settings, image);
  Status done = next ? prepare(heir, **next) : next.error();
  auto before = old.current();
  if (done.ok()) done = switch_places(heir, *next, old);
  if (!done.ok()) {
    note_failure(heir, settings, std::move(image), done);
    return done;
  }
  settings_[heir.name()] = settings;
  old.change([&](PluginInfo& info) {
    info.phase = PluginPhase::kReplaced;
    info.message = "replaced by " + heir.name();
  });
  heir.change([&](PluginInfo& info) {
    info.image = image;
    info.phase = PluginPhase::kRunning;
    info.message.clear();
    info.required = settings.required;
    info.process = settings.isolation.process;
  });
  note_early_crash(heir.name(), image.number);
  options_.log("", GANTRY_LOG_INFO, "plugin " + heir.name() + " has taken the place of " + old.name());
  retire(std::move(before), options_.drain_ms);
  return {};
}

// Two plugins never work side by side, not even two controllers: their queues know nothing of each other.
Status PluginHost::switch_places(Plugin& heir, const std::shared_ptr<Instance>& next, Plugin& old) {
  const auto before = old.current();
  const bool can_save = old.info().phase != PluginPhase::kCrashed;
  size_t paused = 0;
  Status status;
  while (status.ok() && paused < users_.size()) status = users_[paused++]->pause(old, options_.drain_ms);
  const bool closed = status.ok() && old.close_gate(options_.drain_ms);
  if (status.ok() && !closed) {
    status = Status::unavailable("calls into " + old.name() + " did not end within " +
                                 std::to_string(options_.drain_ms) + " ms");
  }
  if (status.ok()) status = offer_state(*before, *next, can_save);
  if (status.ok()) {
    old.set_heir(&heir);
    status = adopt_places(heir, next.get(), old, before.get());
    if (!status.ok()) old.set_heir(nullptr);
  }
  if (status.ok()) heir.open_gate(next);
  if (closed) old.open_gate(status.ok() ? nullptr : before);
  for (size_t i = 0; i < paused; ++i) users_[i]->resume(old);
  for (auto* user : users_) user->resume(heir);
  return status;
}

Status PluginHost::adopt_places(Plugin& heir, Instance* next, Plugin& old, Instance* before) {
  Status status;
  size_t told = 0;
  while (status.ok() && told < users_.size()) {
    auto* user = users_[told++];
    status = user->adopt(old, nullptr);
    if (status.ok()) status = user->adopt(heir, next);
  }
  for (size_t i = 0; !status.ok() && i < told; ++i) {
    (void)users_[i]->adopt(heir, nullptr);
    (void)users_[i]->adopt(old, before);
  }
  return status;
}

// Once it runs: whom it replaces by the configuration of now, and whom it did before.
void PluginHost::settle_places(Plugin& heir, const std::string& replaces) {
  release_places(heir, replaces, "no longer replaced by " + heir.name());
  if (replaces.empty() || replaces == heir.name()) return;
  const auto old = place(replaces);
  if (old->info().phase == PluginPhase::kReplaced) return;
  auto before = old->current();
  if (before != nullptr && !switch_to(*old, nullptr).ok()) {
    options_.log(
        "", GANTRY_LOG_ERROR,
        "plugin " + old->name() + " goes on beside " + heir.name() + ", which replaces it: it does not come to rest");
    return;
  }
  old->set_heir(&heir);
  old->change([&](PluginInfo& info) {
    info.phase = PluginPhase::kReplaced;
    info.message = "replaced by " + heir.name();
  });
  if (before != nullptr) retire(std::move(before), options_.drain_ms);
}

void PluginHost::release_places(Plugin& heir, const std::string& but, const std::string& why) {
  std::vector<std::shared_ptr<Plugin>> all;
  {
    const std::lock_guard lock(mutex_);
    all = plugins_;
  }
  for (const auto& plugin : all) {
    if (plugin->heir() != &heir || plugin->name() == but) continue;
    plugin->set_heir(nullptr);
    plugin->change([&](PluginInfo& info) {
      info.phase = PluginPhase::kDisabled;
      info.message = why;
    });
  }
}

}  // namespace gantry::plugin
