// What a pod tolerates and what its class adds, as one list. Pure, any thread.
#pragma once

#include <boost/json/array.hpp>

namespace gantry::admission {

// Without those that others make needless; of the same ones the first stays.
boost::json::array merged_tolerations(const boost::json::array& all);

}  // namespace gantry::admission
