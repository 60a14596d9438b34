// What classes of storage, CSI drivers and what says something of them share. Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// Who provides for a class: a qualified name, in whatever case.
void check_provisioner(const JsonObject& object, std::string_view key, const At& at, Errors& errors);
// The parameters of a class: how many, and how large.
enum class Parameters : uint8_t { kMayBeEmpty, kNeeded };
void check_parameters(const JsonObject& object, Parameters needed, const At& at, Errors& errors);
// Fields that an update may not touch.
void check_no_updates(const JsonObject& object, const JsonObject* old, std::initializer_list<std::string_view> keys,
                      const At& at, Errors& errors);
// The name of a CSI driver.
void check_csi_driver_name(std::string_view name, const At& at, std::string_view key, Errors& errors);

}  // namespace gantry::kinds
