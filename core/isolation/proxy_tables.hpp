// The plugin's interfaces as tables whose functions ask the plugin's process. `instance` is a Remote. Threads as the
// abi/ headers say.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "core/isolation/interface_set.hpp"
#include "core/isolation/session.hpp"

namespace gantry::isolation {

// What gantry_plugin_api.create gives out as the instance.
struct Remote {
  std::shared_ptr<Session> session;
  std::atomic<bool>* busy = nullptr;  // the library's: that it has an instance
  std::array<bool, kInterfaces> present{};
  gantry_controller controller;
  gantry_network network;
  gantry_runtime runtime;
  gantry_reload reload;
  gantry_kinds kinds;
  std::string kinds_set;  // what the plugin said, for as long as it lives

  const void* table(std::string_view id) const;
};

// Every function there is; then those go that the process's mask lacks.
void fill_tables(Remote& remote, const std::array<uint64_t, kInterfaces>& masks);

gantry_code give(Reply reply, gantry_buffer* response, gantry_buffer* error);
gantry_runtime runtime_proxy();

}  // namespace gantry::isolation
