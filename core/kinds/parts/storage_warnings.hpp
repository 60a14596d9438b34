// What is told of claims, and of amounts of bytes that are no whole ones. Pure, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// Of the amount at `key` of a list of resources at `at`, when it has a fraction.
void warn_fraction(const JsonObject& amounts, std::string_view key, const At& at, std::string_view list,
                   Warnings& warnings);
// The spec of a claim, also of one within another object.
void warn_claim_spec(const JsonObject& spec, const At& at, Warnings& warnings);
// The older way to name a class, of a claim or a volume.
void warn_class_annotation(const JsonObject& object, Warnings& warnings);
// Kinds of volumes that upstream has given up, of a pod or of a PersistentVolume, whose source is `source` at `at`.
void warn_old_volume(const JsonObject& source, const At& at, bool of_pod, Warnings& warnings);

}  // namespace gantry::kinds
