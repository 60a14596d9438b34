// Tells a plugin without a controller what happens to what it watches. On the mapper's thread.
#include "core/controller/running_controller.hpp"
#include "core/plugin/plugin_verbs.hpp"
#include "gantry/abi/draft/watches.h"
#include "gantry/bytes.hpp"

namespace gantry::controller {
namespace {

// What the plugin lacks it does not want to hear.
Status told(const Expected<std::string>& answer) {
  return answer || answer.error().code() == 501 ? Status() : answer.error();
}

Status begin_telling(const plugin::PinnedVerbs<gantry_watches>& verbs) {
  return told(verbs.call_with(&gantry_watches::begin, [](auto begin, void* self, gantry_buffer*, gantry_buffer* error) {
    return begin(self, error);
  }));
}

Status tell_change(const plugin::PinnedVerbs<gantry_watches>& verbs, const CachedObject& object,
                   const std::string& event) {
  return told(verbs.call_with(&gantry_watches::changed,
                              [&](auto changed, void* self, gantry_buffer*, gantry_buffer* error) {
                                return changed(self, to_slice(event), error);
                              },
                              {object.ns, object.name}));
}

}  // namespace

EventMapper::Answer RunningController::tell(const plugin::Plugin::Call& call, const EventMapper::Item& item) {
  auto& instance = call.pinned();
  const auto verbs = plugin::PluginVerbs<gantry_watches>(nullptr, GANTRY_WATCHES_ID).of(instance);
  if (!verbs) return EventMapper::Answer::kDone;
  const bool first = item.event.now == nullptr;
  const auto done =
      first ? begin_telling(verbs) : tell_change(verbs, *item.event.now, message_of(item).SerializeAsString());
  if (!done.ok() && !instance.lost()) {
    plugin_->host().trouble("plugin-changes", *plugin_,
                            "it could not take in " + name_of(item) + ": " + done.message().substr(0, kMaxSaid));
  }
  return EventMapper::Answer::kDone;
}

}  // namespace gantry::controller
