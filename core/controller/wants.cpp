#include "core/controller/wants.hpp"

#include <algorithm>
#include <memory>

#include "gantry/abi/controller.h"
#include "gantry/abi/draft/watches.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"
#include "gantry/watches.pb.h"

namespace gantry::controller {
namespace {

using gantry::abi::ControllerSpec;
using gantry::abi::WatchSpec;

// What can be seen to be wrong without asking the server.
Status check_spec(const ControllerSpec& spec, const std::string& message) {
  const bool has_self = std::any_of(spec.watches().begin(), spec.watches().end(),
                                    [](const WatchSpec& watch) { return watch.mapping() == WatchSpec::SELF; });
  for (const auto& watch : spec.watches()) {
    if (!watch.owner_selector().empty() && !has_self) {
      return Status::invalid("its " + message + " has a watch of " + watch.resource() +
                             " with an owner_selector, and no SELF watch of the owners");
    }
    if (watch.resource().empty() || watch.version().empty()) {
      return Status::invalid("its " + message + " has a watch without a resource or version");
    }
    if (watch.mapping() == WatchSpec::OWNER && watch.owner_kind().empty()) {
      return Status::invalid("its " + message + " has a watch of " + watch.resource() +
                             " that maps to owners of no kind: owner_kind is empty");
    }
  }
  return {};
}

// What describe gives back, should it outlive who asked.
struct Description {
  gantry_code code = 0;
  Buffer bytes, error;
};

using Describe = gantry_code (*)(void* instance, gantry_buffer* answer, gantry_buffer* error);

// The plugin's answer, which is to be a `name`.
template <typename Message>
Expected<Message> described(plugin::Instance& instance, Describe describe, const std::string& name) {
  const auto given = std::make_shared<Description>();
  auto done = instance.call_main("describe", [given, describe, self = instance.get()] {
    given->code = describe(self, given->bytes.out(), given->error.out());
  });
  if (!done.ok()) return done;
  if (given->code != 0) return status_of(given->code, given->error.view());
  Message message;
  if (message.ParseFromArray(given->bytes.view().data(), static_cast<int>(given->bytes.view().size()))) return message;
  return Status::invalid("its " + name + " can't be decoded: it is no gantry.abi." + name);
}

Expected<Wants> ask_controller(plugin::Instance& instance, const gantry_controller& table) {
  auto spec = described<ControllerSpec>(instance, table.describe, "ControllerSpec");
  if (!spec) return std::move(spec).error();
  if (auto good = check_spec(*spec, "ControllerSpec"); !good.ok()) return good;
  return Wants{std::move(*spec), true};
}

Expected<Wants> ask_watches(plugin::Instance& instance, const gantry_watches& table) {
  auto list = described<gantry::abi::WatchList>(instance, table.describe, "WatchList");
  if (!list) return std::move(list).error();
  Wants wants{{}, false};
  for (auto& watch : *list->mutable_watches()) {
    if (watch.mapping() == WatchSpec::OWNER || watch.mapping() == WatchSpec::NAMESPACE ||
        !watch.owner_selector().empty()) {
      return Status::invalid("its WatchList has a watch of " + watch.resource() +
                             " that maps to keys, which only a controller has");
    }
    const bool told = watch.mapping() != WatchSpec::NONE && table.changed != nullptr;
    watch.set_mapping(told ? WatchSpec::CUSTOM : WatchSpec::NONE);
    *wants.spec.add_watches() = std::move(watch);
  }
  if (auto good = check_spec(wants.spec, "WatchList"); !good.ok()) return good;
  return wants;
}

Expected<Wants> ask(plugin::Instance& instance) {
  const auto* controller = instance.interface<gantry_controller>(GANTRY_CONTROLLER_ID);
  const auto* watches = instance.interface<gantry_watches>(GANTRY_WATCHES_ID);
  if (controller != nullptr && watches != nullptr) {
    return Status::invalid("it has " GANTRY_CONTROLLER_ID " and " GANTRY_WATCHES_ID
                           ": a controller's watches belong to its ControllerSpec");
  }
  if (controller != nullptr) return ask_controller(instance, *controller);
  if (watches != nullptr) return ask_watches(instance, *watches);
  return Status::internal("it has neither a controller nor watches");
}

}  // namespace

Expected<Wants> ask_wants(plugin::Instance& instance, const std::string& plugin) {
  auto wants = ask(instance);
  if (!wants) {
    const bool controls = instance.interface<gantry_controller>(GANTRY_CONTROLLER_ID) != nullptr;
    return std::move(wants).error().in("plugin " + plugin + " could not describe its " +
                                       (controls ? "controller" : "watches"));
  }
  if (wants->spec.name().empty()) wants->spec.set_name(plugin);
  return wants;
}

}  // namespace gantry::controller
