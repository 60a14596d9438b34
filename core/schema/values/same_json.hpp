// Whether two documents say the same. Pure, any thread.
//
// In place of Boost.JSON's operator==, which copies each member of an object that it compares (1.81): for a pod that is
// a copy for every level of nesting, 25 times what validating it costs.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace gantry::schema {

// Members of objects in any order. Numbers by value, as in Boost: int64 1 and uint64 1 are the same, 1.0 is another.
bool same_json(const boost::json::value& a, const boost::json::value& b);
bool same_json(const boost::json::object& a, const boost::json::object& b);
bool same_json(const boost::json::array& a, const boost::json::array& b);

}  // namespace gantry::schema
