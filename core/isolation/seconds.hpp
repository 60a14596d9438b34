// A time for people: "2 s", or "1500 ms" where it is no whole number.
#pragma once

#include <chrono>
#include <string>

namespace gantry::isolation {

inline std::string seconds(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

}  // namespace gantry::isolation
