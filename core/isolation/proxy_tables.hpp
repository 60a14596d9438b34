// The plugin's interfaces as tables whose functions ask the plugin's process. `instance` is a Remote. Threads as the
// abi/ headers say.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/isolation/session.hpp"
#include "core/plugin/interface_table.hpp"

namespace gantry::isolation {

// What gantry_plugin_api.create gives out as the instance.
class Remote {
 public:
  Remote(std::shared_ptr<Session> to, std::atomic<bool>& library_busy)
      : session(std::move(to)), busy(library_busy), tables_(plugin::interfaces().size()) {}

  // The interface at this place of the table, with the functions that the mask names.
  void add_table(size_t interface, uint64_t mask);
  const void* table(std::string_view id) const;
  // Keeps what a function gave, for as long as the instance lives.
  gantry_slice keep(uint16_t member, std::string bytes);

  const std::shared_ptr<Session> session;
  std::atomic<bool>& busy;  // the library's: that it has an instance

 private:
  std::vector<std::unique_ptr<std::byte[]>> tables_;
  std::mutex mutex_;
  std::map<uint16_t, std::string> kept_;
};

inline Session& session_of(void* instance) { return *static_cast<Remote*>(instance)->session; }

gantry_code give(Reply reply, gantry_buffer* response, gantry_buffer* error);

}  // namespace gantry::isolation
