// Where documents lie: each in an arena of its own, which goes with the last of its parts. A document lives for one
// request and is read more than changed. Between documents of different arenas a move of a value is a copy.
#pragma once

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>
#include <cstddef>

namespace gantry::schema {

// `expected` bytes are a guess that need not be right.
inline boost::json::storage_ptr make_arena(size_t expected) {
  return boost::json::make_shared_resource<boost::json::monotonic_resource>(
      std::clamp<size_t>(expected, 1024, 64 << 10));
}

inline boost::json::value copy_of(const boost::json::value& document) {
  constexpr size_t kUsual = 16 << 10;
  return boost::json::value(document, make_arena(kUsual));
}

}  // namespace gantry::schema
