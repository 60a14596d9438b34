// Where a typed client finds its plugin's table at each call: whichever instance is the plugin's at that moment, pinned
// for the call. Tests bring a fixed table instead. [any-thread]
#pragma once

#include <memory>
#include <utility>

#include "core/plugin/plugin.hpp"

namespace gantry::plugin {

template <typename Table>
class PluginTable {
 public:
  struct Pinned {
    const Table* table = nullptr;  // null: the plugin is switched off, or failed
    void* instance = nullptr;
    Plugin::Call call;
  };

  PluginTable(std::shared_ptr<Plugin> plugin, const char* id) : plugin_(std::move(plugin)), id_(id) {}
  PluginTable(const Table* table, void* instance) : fixed_(table), instance_(instance) {}

  Pinned pin(CallKind kind = CallKind::kShort) const {
    Pinned pinned{fixed_, instance_, {}};
    if (plugin_ == nullptr) return pinned;
    pinned.call = plugin_->enter(kind);
    pinned.table = pinned.call.template table<Table>(id_);
    if (pinned.table != nullptr) pinned.instance = pinned.call.instance();
    return pinned;
  }
  const Plugin* plugin() const { return plugin_.get(); }

  Status absent() const {
    return Status::unavailable("the plugin \"" + (plugin_ == nullptr ? std::string() : plugin_->name()) +
                               "\" is not running; see: gantryctl plugin list");
  }

 private:
  std::shared_ptr<Plugin> plugin_;
  const char* id_ = "";
  const Table* fixed_ = nullptr;
  void* instance_ = nullptr;
};

}  // namespace gantry::plugin
