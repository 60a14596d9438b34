// The host interfaces of controllers: client, cache, queue, events.
#pragma once

#include "core/plugin/plugin_host.hpp"

namespace gantry::controller {

// Offers them to plugins. Each call finds its RunningController through the calling plugin's attachment.
void provide_controller_interfaces(plugin::PluginHost& host);

}  // namespace gantry::controller
