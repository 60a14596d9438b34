// The host interfaces of those that watch: cache, queue. Those of every plugin: plugin_services.hpp.
#pragma once

#include "core/controller/plugin_services.hpp"
#include "core/plugin/plugin_host.hpp"

namespace gantry::controller {

// Offers them to plugins. Each call finds its RunningController through the calling plugin's attachment.
void provide_controller_interfaces(plugin::PluginHost& host);

// For PluginServicesOptions: what a plugin's controller, if it has one, is to know of its calls; and who reports its
// Events: the controller, else the plugin.
PluginServicesOptions::Answered begin_call(plugin::Plugin& plugin);
std::string component_of(plugin::Plugin& plugin);

}  // namespace gantry::controller
