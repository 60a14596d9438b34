// gantry.plugins/1: what a plugin may ask of another one.
#include <memory>

#include "core/plugin/host_interfaces.hpp"
#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/draft/plugins.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::plugin {
namespace {

// The place lives as long as the use: at the daemon's end it may be the last to know it.
struct Use {
  std::shared_ptr<Plugin> plugin;
  Plugin::Call call;
};

Expected<std::unique_ptr<Use>> begin(const Plugin& from, std::string_view name, std::string_view id, CallKind kind) {
  const std::string whom = "plugin \"" + std::string(name) + "\"";
  auto use = std::make_unique<Use>();
  use->plugin = from.host().find_any(name);
  if (use->plugin == nullptr) return Status::not_found(whom + " not found");
  if (&use->plugin->acting() == &from) return Status::bad_request(whom + " is the caller itself");
  use->call = use->plugin->enter(kind);
  if (!use->call) return Status::unavailable(whom + " is not running");
  if (use->call.pinned().find_interface(id) == nullptr) {
    return Status::not_found(whom + " has no interface " + std::string(id));
  }
  return use;
}

gantry_code enter(const gantry_host* host, gantry_slice plugin, gantry_slice interface_id, int32_t lasting,
                  gantry_plugin_use* use, gantry_buffer* error) {
  const auto id = to_view(interface_id);
  auto begun = begin(Plugin::of(host), to_view(plugin), id, lasting != 0 ? CallKind::kLong : CallKind::kShort);
  if (!begun) return fail(begun.error(), error);
  auto& instance = (*begun)->call.pinned();
  use->instance = instance.get();
  use->table = instance.find_interface(id);
  use->generation = instance.image().number;
  use->pin = begun->release();
  return 0;
}

void leave(const gantry_host*, gantry_plugin_use* use) {
  const std::unique_ptr<Use> ended(static_cast<Use*>(use->pin));
  use->instance = nullptr;
  use->table = nullptr;
  use->pin = nullptr;
}

constexpr gantry_plugins kPlugins = {sizeof(gantry_plugins), &enter, &leave};

}  // namespace

void provide_other_plugins(PluginHost& host) { host.provide(GANTRY_PLUGINS_ID, &kPlugins); }

}  // namespace gantry::plugin
