// Tells a plugin without a controller what happens to what it watches. On the mapper's thread.
#include <cstddef>

#include "core/controller/running_controller.hpp"
#include "core/plugin/plugin_verbs.hpp"
#include "gantry/abi/draft/watches.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::controller {
namespace {

const plugin::Member& member_at(size_t offset) { return *plugin::find_interface(GANTRY_WATCHES_ID)->at(offset); }

Status begin_telling(plugin::Instance& instance, const gantry_watches& table) {
  if (table.begin == nullptr) return {};
  plugin::VerbScope scope(instance, member_at(offsetof(gantry_watches, begin)));
  Buffer error;
  const auto code = table.begin(instance.get(), error.out());
  scope.end(code);
  return status_of(code, error.view());
}

Status tell_change(plugin::Instance& instance, const gantry_watches& table, const CachedObject& object,
                   const std::string& event) {
  if (table.changed == nullptr) return {};
  plugin::VerbScope scope(instance, member_at(offsetof(gantry_watches, changed)), object.ns, object.name);
  Buffer error;
  const auto code = table.changed(instance.get(), to_slice(event), error.out());
  scope.end(code);
  return status_of(code, error.view());
}

}  // namespace

EventMapper::Answer RunningController::tell(const plugin::Plugin::Call& call, const EventMapper::Item& item) {
  const auto* table = call.table<gantry_watches>(GANTRY_WATCHES_ID);
  if (table == nullptr) return EventMapper::Answer::kDone;
  auto& instance = call.pinned();
  const bool first = item.event.now == nullptr;
  const auto done = first ? begin_telling(instance, *table)
                          : tell_change(instance, *table, *item.event.now, message_of(item).SerializeAsString());
  if (!done.ok() && !instance.lost()) {
    plugin_->host().trouble("plugin-changes", *plugin_,
                            "it could not take in " + name_of(item) + ": " + done.message().substr(0, kMaxSaid));
  }
  return EventMapper::Answer::kDone;
}

}  // namespace gantry::controller
