// Classes that other objects name: one by its name, and the one that is meant where none is named. [any-thread]
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "core/admission/request.hpp"

namespace gantry::admission {

// As it is stored; none where there is none of this name, or no such kind.
std::optional<boost::json::object> find_class(const WriteRequest& request, std::string_view group,
                                              std::string_view plural, std::string_view name);
// All that say that they are meant where none is named.
std::vector<boost::json::object> default_classes(const WriteRequest& request, std::string_view group,
                                                 std::string_view plural);
// Of those the one that was created last, and among the last ones the first by name.
std::optional<boost::json::object> newest_default_class(const WriteRequest& request, std::string_view group,
                                                        std::string_view plural);
// metadata.name
std::string_view name_of(const boost::json::object& object);

}  // namespace gantry::admission
