// The things gantry-bench can measure, by name.
#pragma once

#include <string_view>
#include <vector>

#include "bench/load/load.hpp"

namespace gantry::bench {

struct Scenario {
  std::string_view name, help;
  std::vector<Figure> (*run)(Bench& bench);
};
const std::vector<Scenario>& scenarios();

}  // namespace gantry::bench
