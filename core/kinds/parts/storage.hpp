// Rules and cells of storage: claims, and the volumes they are bound to. Pure functions, any thread.
#pragma once

#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds {

inline constexpr std::string_view kClassAnnotation = "volume.beta.kubernetes.io/storage-class";

// accessModes of a claim's or a volume's spec, beyond that there are some.
void check_access_modes(const JsonObject& spec, const At& at, Errors& errors);
// An amount that must be above zero.
void check_above_zero(const Json& value, const At& at, Errors& errors);

// Spec of a claim, also of one that is made for a pod.
void check_claim_spec(const JsonObject& spec, const At& at, Errors& errors);
// Spec of a volume; `in_line`: it stands for one, within another object, and says nothing of claims and nodes.
void check_persistent_volume_spec(const JsonObject& spec, bool in_line, const At& at, Errors& errors);
// One of a volume's sources in a storage system, named `key`, as far as the tree does not say it all.
void check_persistent_source(std::string_view key, const JsonObject& source, const At& at, Errors& errors);

// "RWO,RWX", in a fixed order.
std::string access_modes_text(const JsonArray* modes);
// How much of "storage" the amounts at a path have; "0" for none.
std::string_view storage_at(const Row& row, std::string_view path);
// Of a claim or a volume.
void storage_class(Row& row, std::string& out);
// "Terminating" while it is deleted, else its phase.
void storage_phase(Row& row, std::string& out);

}  // namespace gantry::kinds
