#include "core/plugin/interface_checks.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>

#include "gantry/abi/controller.h"
#include "gantry/abi/draft/handover.h"
#include "gantry/abi/draft/kinds.h"
#include "gantry/abi/network.h"
#include "gantry/abi/reload.h"
#include "gantry/abi/runtime.h"

namespace gantry::plugin {
namespace {

struct Member {
  const char* name;
  size_t offset;
};

struct Interface {
  std::string_view id;
  size_t size;  // of the table at the interface's first release: what every plugin must have
  std::span<const Member> required;
};

#define MEMBER(TABLE, NAME) \
  Member { #NAME, offsetof(TABLE, NAME) }

constexpr std::array kController = {MEMBER(gantry_controller, describe), MEMBER(gantry_controller, reconcile)};
constexpr std::array kRuntime = {MEMBER(gantry_runtime, version),
                                 MEMBER(gantry_runtime, status),
                                 MEMBER(gantry_runtime, run_pod_sandbox),
                                 MEMBER(gantry_runtime, stop_pod_sandbox),
                                 MEMBER(gantry_runtime, remove_pod_sandbox),
                                 MEMBER(gantry_runtime, pod_sandbox_status),
                                 MEMBER(gantry_runtime, list_pod_sandbox),
                                 MEMBER(gantry_runtime, create_container),
                                 MEMBER(gantry_runtime, start_container),
                                 MEMBER(gantry_runtime, stop_container),
                                 MEMBER(gantry_runtime, remove_container),
                                 MEMBER(gantry_runtime, list_containers),
                                 MEMBER(gantry_runtime, container_status),
                                 MEMBER(gantry_runtime, exec_sync),
                                 MEMBER(gantry_runtime, list_images),
                                 MEMBER(gantry_runtime, image_status),
                                 MEMBER(gantry_runtime, exec)};
constexpr std::array kNetwork = {MEMBER(gantry_network, set_node), MEMBER(gantry_network, set_nodes),
                                 MEMBER(gantry_network, add), MEMBER(gantry_network, del), MEMBER(gantry_network, gc)};
constexpr std::array kReload = {MEMBER(gantry_reload, save), MEMBER(gantry_reload, restore)};
constexpr std::array kKinds = {MEMBER(gantry_kinds, descriptor_set)};
constexpr std::array kHandover = {MEMBER(gantry_handover, take_over)};
#undef MEMBER

// The sizes of ABI 1.0, in numbers: sizeof would grow with the tables and refuse the plugins of that release.
constexpr std::array kInterfaces = {
    Interface{GANTRY_CONTROLLER_ID, 32, kController}, Interface{GANTRY_RUNTIME_ID, 208, kRuntime},
    Interface{GANTRY_NETWORK_ID, 56, kNetwork},       Interface{GANTRY_RELOAD_ID, 24, kReload},
    Interface{GANTRY_KINDS_ID, 16, kKinds},           Interface{GANTRY_HANDOVER_ID, 16, kHandover},
};
static_assert(sizeof(void*) != 8 || (sizeof(gantry_controller) >= 32 && sizeof(gantry_runtime) >= 208 &&
                                     sizeof(gantry_network) >= 56 && sizeof(gantry_reload) >= 24));

const Interface* find(std::string_view id) {
  for (const auto& known : kInterfaces) {
    if (known.id == id) return &known;
  }
  return nullptr;
}

}  // namespace

bool known_interface(std::string_view id) { return find(id) != nullptr; }

Status check_interface(std::string_view id, const void* table) {
  const Interface* known = find(id);
  if (known == nullptr) return {};
  const auto* bytes = static_cast<const char*>(table);
  size_t size = 0;
  std::memcpy(&size, bytes, sizeof size);
  if (size < known->size) {
    return Status::invalid("interface " + std::string(id) + " has size " + std::to_string(size) + ", at least " +
                           std::to_string(known->size) + " is needed");
  }
  for (const auto& member : known->required) {
    void (*function)() = nullptr;
    std::memcpy(&function, bytes + member.offset, sizeof function);
    if (function == nullptr) {
      return Status::invalid("interface " + std::string(id) + " lacks its function " + member.name);
    }
  }
  return {};
}

}  // namespace gantry::plugin
