#include "core/plugin/interface_checks.hpp"

#include <cstring>
#include <string>

#include "core/plugin/interface_table.hpp"

namespace gantry::plugin {

bool known_interface(std::string_view id) {
  const auto* known = find_interface(id);
  return known != nullptr && known->side == Side::kPlugin;
}

Status check_interface(std::string_view id, const void* table) {
  if (!known_interface(id)) return {};
  const auto& known = *find_interface(id);
  const auto* bytes = static_cast<const char*>(table);
  size_t size = 0;
  std::memcpy(&size, bytes, sizeof size);
  if (size < known.first_size()) {
    return Status::invalid("interface " + std::string(id) + " has size " + std::to_string(size) + ", at least " +
                           std::to_string(known.first_size()) + " is needed");
  }
  for (const auto& member : known.members) {
    if (!member.required || member.offset + sizeof(void (*)()) > size) continue;
    void (*function)() = nullptr;
    std::memcpy(&function, bytes + member.offset, sizeof function);
    if (function == nullptr) {
      return Status::invalid("interface " + std::string(id) + " lacks its function " + member.name);
    }
  }
  return {};
}

}  // namespace gantry::plugin
