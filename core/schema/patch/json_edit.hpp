// Inside of the patches: removing many parts of a document in one pass, and how deep it is. Any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstddef>
#include <vector>

#include "core/schema/schema.hpp"

namespace gantry::schema {

// Leaves out the members at these positions, each named once; the others keep their order. Linear.
void drop_members(boost::json::object& object, std::vector<size_t> positions);

// The same for the elements that `drop` picks.
template <typename Drop>
void drop_elements(boost::json::array& array, Drop&& drop) {
  size_t kept = 0;
  for (size_t i = 0; i < array.size(); ++i) {
    if (drop(array[i])) continue;
    if (kept != i) array[kept] = std::move(array[i]);
    ++kept;
  }
  array.resize(kept);
}

// Lists and objects within each other: 0 for a scalar. Not followed further than one above `most`; `visited` counts
// the values that were looked at.
size_t depth_of(const Json& value, size_t most, size_t& visited);
bool deeper_than(const Json& value, size_t most);

}  // namespace gantry::schema
