// The host interfaces that need nothing from higher rooms: log, config, clock, timer, metrics, tasks, plugins.
#pragma once

namespace gantry::plugin {

class PluginHost;

// Offers them to plugins; called by the PluginHost's constructor.
void provide_basic_interfaces(PluginHost& host);
void provide_other_plugins(PluginHost& host);

}  // namespace gantry::plugin
