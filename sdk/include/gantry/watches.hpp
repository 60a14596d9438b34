// gantry.watches/1 made from the members of a plugin's class, for one that is no controller. The class has
//   gantry::abi::WatchList watches() const;
// which names what it watches with watch<Message>(list), and, if it likes,
//   Status begin();
//   Status changed(const gantry::abi::ObjectEvent& event);
// Its get_interface gives watches_table<T>(), and GANTRY_PLUGIN has the id among the plugin's. Host::cached() and its
// kin then read the caches. Threads: see abi/draft/watches.h.
#pragma once

#include "gantry/abi/draft/watches.h"
#include "gantry/bytes.hpp"
#include "gantry/plugin.hpp"
#include "gantry/verbs.hpp"
#include "gantry/watch.hpp"
#include "gantry/watches.pb.h"

namespace gantry::sdk {

// Adds a watch of Message's resource; with NONE it is cached, and nothing told.
template <typename Message>
gantry::abi::WatchSpec& watch(gantry::abi::WatchList& list,
                              gantry::abi::WatchSpec::Mapping mapping = gantry::abi::WatchSpec::CUSTOM) {
  auto& added = *list.add_watches();
  set_resource<Message>(added);
  added.set_mapping(mapping);
  return added;
}

template <typename T, auto Self = &same<T>>
constexpr gantry_watches watches_table() {
  gantry_watches table{};
  table.size = sizeof(table);
  table.describe = [](void* instance, gantry_buffer* watches, gantry_buffer* error) {
    return guard(error, [&]() -> gantry_code {
      fill_buffer(watches, Self(instance).watches().SerializeAsString());
      return 0;
    });
  };
  if constexpr (requires { &T::begin; }) {
    table.begin = [](void* instance, gantry_buffer* error) {
      return guard(error, [&]() -> gantry_code { return fail(Self(instance).begin(), error); });
    };
  }
  if constexpr (requires { &T::changed; }) {
    table.changed = [](void* instance, gantry_slice bytes, gantry_buffer* error) {
      return guard(error, [&]() -> gantry_code {
        gantry::abi::ObjectEvent event;
        if (event.ParseFromArray(bytes.data, static_cast<int>(bytes.size))) {
          return fail(Self(instance).changed(event), error);
        }
        return fail(Status::bad_request("the event could not be decoded"), error);
      });
    };
  }
  return table;
}

}  // namespace gantry::sdk
