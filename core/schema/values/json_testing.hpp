// For tests: a document from text, as deep as it may be.
#pragma once

#include <boost/json/parse.hpp>
#include <string_view>

#include "core/schema/schema.hpp"

namespace gantry::schema {

inline Json js(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 1000;
  return boost::json::parse({text.data(), text.size()}, {}, options);
}

}  // namespace gantry::schema
