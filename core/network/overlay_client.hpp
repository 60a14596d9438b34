// The verbs of an overlay backend as typed calls over its ABI table. Each call finds the plugin's instance of the
// moment; an exchanged one is told first what the old one knew. Copies share their state. Verbs block. [worker]
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/plugin/operations.hpp"
#include "core/plugin/plugin_table.hpp"
#include "gantry/abi/draft/overlay.h"
#include "gantry/overlay.pb.h"
#include "gantry/status.hpp"

namespace gantry::network {

class OverlayClient {
 public:
  // `operations`: told of each verb; null: nobody is.
  explicit OverlayClient(plugin::PluginTable<gantry_overlay> table,
                         std::shared_ptr<plugin::Operations> operations = nullptr)
      : table_(std::move(table)), operations_(std::move(operations)), shared_(std::make_shared<Shared>()) {}

  const plugin::Plugin* plugin() const { return table_.plugin(); }
  // What the others see as the node's backend.
  std::string name() const { return plugin() == nullptr ? std::string() : plugin()->acting().name(); }

  Expected<abi::OverlayAdvert> set_node(const abi::OverlaySelf& self) const;
  Status set_nodes(const abi::OverlayNodes& nodes) const;
  // The plugin is exchanged: `next` hears of this node before anything else, if the old one had, and of all others. Its
  // advert; nothing where there is no next one, or none had been told. [main]
  Expected<std::optional<abi::OverlayAdvert>> adopt(plugin::Instance* next, const abi::OverlayNodes& all) const;

 private:
  using Verb = gantry_overlay_verb gantry_overlay::*;
  // What was set last, for the next instance.
  struct Shared {
    std::mutex mutex;
    std::optional<std::string> self;
  };
  Expected<abi::OverlayAdvert> call(std::string_view operation, Verb verb, const std::string& request) const;

  plugin::PluginTable<gantry_overlay> table_;
  std::shared_ptr<plugin::Operations> operations_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace gantry::network
