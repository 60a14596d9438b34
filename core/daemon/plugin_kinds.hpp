// API kinds that plugins bring (gantry.kinds/1): puts them into the schema, before whoever watches them is asked.
//
// A PluginUser ahead of the controllers: it serves the kinds of an instance that is about to take over, and goes back
// to the earlier ones when the exchange fails. A plugin that is switched off, or crashed, keeps its kinds; one whose
// new instance brings none loses them. One that takes another's place brings the same
// set, or names that are free. A resource of which objects are stored is served on, as what they are, or the exchange
// (or the first load) fails. Owned by ControlPlane; called on the thread that changes plugins.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/plugin_host.hpp"
#include "core/schema/tree/registry.hpp"

namespace gantry::daemon {

class PluginKinds : public plugin::PluginUser {
 public:
  // The objects of a resource that are stored: how many, and what one of them is.
  struct Objects {
    int64_t count = 0;
    std::string version, kind;
    bool namespaced = false;
  };
  using Stored = std::function<Objects(const std::string& group, const std::string& plural)>;
  // Both must outlive it. `changed` is called after an exchange that changed what is served.
  PluginKinds(plugin::PluginHost& host, schema::Registry& schemas, std::function<void()> changed, Stored stored);
  ~PluginKinds() override;
  PluginKinds(const PluginKinds&) = delete;
  PluginKinds& operator=(const PluginKinds&) = delete;

  Status prepare(plugin::Plugin& plugin, plugin::Instance& next) override;
  Status adopt(plugin::Plugin& plugin, plugin::Instance* next) override;
  void resume(plugin::Plugin& plugin) override;

 private:
  // One exchange under way.
  struct Exchange {
    std::string plugin;
    plugin::Instance* prepared = nullptr;
    std::string before;  // the set that is served if it fails
    uint64_t generation = 0;
    bool adopted = false;
  };
  void serve(const std::string& plugin, const std::string& descriptors);
  Status extend(const std::string& plugin, plugin::Instance& next);
  Status fits_stored(std::string_view set) const;
  Status keeps_stored(const schema::Schema& before) const;

  plugin::PluginHost& host_;
  schema::Registry& schemas_;
  const std::function<void()> changed_;
  const Stored stored_;
  Exchange exchange_;
};

}  // namespace gantry::daemon
