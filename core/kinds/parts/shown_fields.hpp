// Specifications as a refusal shows them: all fields of a struct in upstream's order and by the names that upstream has
// for them in its own code, a line each. Pure, any thread.
#pragma once

#include <span>
#include <string>

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

struct Shown {
  // What is shown of one that is not there.
  enum class Absent : uint8_t { kNull, kText, kFlag, kNumber, kParts };

  std::string_view name, key;
  Absent absent = Absent::kNull;
  std::span<const Shown> parts = {};  // of a struct
};

// What differs, cut to a length that a message may have; empty when nothing does.
std::string shown_difference(const JsonObject& before, const JsonObject& after, std::span<const Shown> fields);

// Where the storage of a PersistentVolume is, one of them.
std::span<const Shown> volume_source_fields();

}  // namespace gantry::kinds
