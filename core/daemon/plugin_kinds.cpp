#include "core/daemon/plugin_kinds.hpp"

#include "gantry/abi/draft/kinds.h"
#include "gantry/bytes.hpp"

namespace gantry::daemon {

PluginKinds::PluginKinds(plugin::PluginHost& host, schema::Schema& schema, std::function<void()> changed)
    : host_(host), schema_(schema), changed_(std::move(changed)) {
  host_.add_user(this);
}

PluginKinds::~PluginKinds() { host_.remove_user(this); }

Status PluginKinds::prepare(plugin::Plugin& plugin, plugin::Instance& next) {
  exchange_ = {plugin.name(), &next, schema_.extension(plugin.name()), schema_.generation(), false};
  const auto* table = next.interface<gantry_kinds>(GANTRY_KINDS_ID);
  if (table == nullptr) return {};
  const auto set = to_view(table->descriptor_set(next.get()));
  if (set.empty()) return Status::invalid("its kinds can not be served: it gave no descriptor set");
  return schema_.extend(plugin.name(), set).in("its kinds can not be served");
}

Status PluginKinds::adopt(plugin::Plugin& plugin, plugin::Instance* next) {
  if (plugin.name() == exchange_.plugin) exchange_.adopted = next != nullptr && next == exchange_.prepared;
  return {};
}

void PluginKinds::resume(plugin::Plugin& plugin) {
  if (plugin.name() != exchange_.plugin) return;  // it was switched off, or gives its place to the other
  const auto exchange = std::exchange(exchange_, {});
  if (!exchange.adopted) {
    serve(plugin.name(), exchange.before);
  } else if (exchange.prepared->interface<gantry_kinds>(GANTRY_KINDS_ID) == nullptr) {
    schema_.withdraw(plugin.name());
  }
  if (schema_.generation() != exchange.generation) changed_();
}

void PluginKinds::serve(const std::string& plugin, const std::string& descriptors) {
  // Served before, it is beside nothing new now: only this thread changes the schema.
  if (descriptors.empty()) return schema_.withdraw(plugin);
  (void)schema_.extend(plugin, descriptors);
}

}  // namespace gantry::daemon
