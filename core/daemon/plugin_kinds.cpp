#include "core/daemon/plugin_kinds.hpp"

#include <algorithm>
#include <memory>

#include "core/kinds/kinds.hpp"
#include "gantry/abi/draft/kinds.h"
#include "gantry/bytes.hpp"

namespace gantry::daemon {

PluginKinds::PluginKinds(plugin::PluginHost& host, schema::Registry& schemas, std::function<void()> changed,
                         Stored stored)
    : host_(host), schemas_(schemas), changed_(std::move(changed)), stored_(std::move(stored)) {
  host_.add_user(this);
}

PluginKinds::~PluginKinds() { host_.remove_user(this); }

Status PluginKinds::prepare(plugin::Plugin& plugin, plugin::Instance& next) {
  exchange_ = {plugin.name(), &next, schemas_.extension(plugin.name()), schemas_.generation(), false};
  const auto before = schemas_.now();
  auto done = extend(plugin.name(), next);
  if (done.ok()) done = keeps_stored(*before);
  return done.ok() ? done : std::move(done).in("its kinds can not be served");
}

Status PluginKinds::extend(const std::string& plugin, plugin::Instance& next) {
  const auto* table = next.interface<gantry_kinds>(GANTRY_KINDS_ID);
  if (table == nullptr) {
    schemas_.withdraw(plugin);
    return {};
  }
  const auto set = std::make_shared<std::string_view>();
  auto called = next.call_main("descriptor_set",
                               [set, table, self = next.get()] { *set = to_view(table->descriptor_set(self)); });
  if (!called.ok()) return called;
  if (set->empty()) return Status::invalid("it gave no descriptor set");
  if (auto fits = fits_stored(*set); !fits.ok()) return fits;
  return schemas_.extend(plugin, *set);
}

// Objects that an earlier start of the daemon stored say what they are. Looked at in a schema of its own: what is
// refused was never served, and is nothing that a later set must go on from.
Status PluginKinds::fits_stored(std::string_view set) const {
  if (stored_ == nullptr) return {};
  auto apart = schema::Registry::create(kinds::all());
  if (!apart) return std::move(apart).error();
  if (auto done = (*apart)->extend("plugin", set); !done.ok()) return done;
  const auto scope = [](bool namespaced) { return std::string(namespaced ? "namespaced" : "cluster-wide"); };
  const auto served = schemas_.now();
  const auto wanted = (*apart)->now();
  for (const auto* kind : wanted->kinds()) {
    if (served->find_kind(kind->group, kind->version, kind->kind) != nullptr) continue;
    const auto objects = stored_(kind->group, kind->plural);
    if (objects.count == 0) continue;
    std::string change;
    if (objects.kind != kind->kind) {
      change = "the kind " + objects.kind + ", now it is " + kind->kind;
    } else if (objects.version != kind->version) {
      change = "the version " + objects.version + ", now it is " + kind->version;
    } else if (objects.namespaced != kind->namespaced) {
      change = "a " + scope(objects.namespaced) + " resource, now it is " + scope(kind->namespaced);
    } else if (kind->volatility) {
      change = "kept on disk, now it is volatile";
    } else {
      continue;
    }
    return Status::conflict(kind->plural + "." + kind->group + " was " + change + ", and " +
                            std::to_string(objects.count) + (objects.count == 1 ? " object is" : " objects are") +
                            " stored; go on with the plugin as it was, or delete them with it first");
  }
  return {};
}

// Objects lie in the store under group and plural, and under their namespace.
Status PluginKinds::keeps_stored(const schema::Schema& before) const {
  const auto schema = schemas_.now();
  const auto& now = schema->kinds();
  for (const auto* old : before.kinds()) {
    const bool served = std::any_of(now.begin(), now.end(), [old](const schema::Kind* kind) {
      return kind->group == old->group && kind->plural == old->plural && kind->namespaced == old->namespaced;
    });
    const auto count = served || stored_ == nullptr ? 0 : stored_(old->group, old->plural).count;
    if (count == 0) continue;
    return Status::conflict("they lack the " + std::string(old->namespaced ? "namespaced" : "cluster-wide") +
                            " resource " + old->plural + "." + old->group + ", of which " + std::to_string(count) +
                            (count == 1 ? " object is" : " objects are") +
                            " stored; delete what is stored, or go on serving it");
  }
  return {};
}

Status PluginKinds::adopt(plugin::Plugin& plugin, plugin::Instance* next) {
  if (plugin.name() == exchange_.plugin) exchange_.adopted = next != nullptr && next == exchange_.prepared;
  return {};
}

void PluginKinds::resume(plugin::Plugin& plugin) {
  if (plugin.name() != exchange_.plugin) return;  // it was switched off, or gives its place to the other
  const auto exchange = std::exchange(exchange_, {});
  if (!exchange.adopted) serve(plugin.name(), exchange.before);
  if (schemas_.generation() != exchange.generation) changed_();
}

void PluginKinds::serve(const std::string& plugin, const std::string& descriptors) {
  // Served before, it is beside nothing new now: only this thread changes the schema.
  if (descriptors.empty()) return schemas_.withdraw(plugin);
  (void)schemas_.extend(plugin, descriptors);
}

}  // namespace gantry::daemon
