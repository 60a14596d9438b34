// The API's times as nanoseconds since 1970 and back. The API keeps seconds, so that is what is made. What the API may
// hold and 64 bits may not (beyond the years 1678 to 2262) becomes the nearest that they hold. Any thread.
#pragma once

#include <cstdint>
#include <limits>

#include "k8s.io/apimachinery/pkg/apis/meta/v1/time.pb.h"

namespace gantry {

inline constexpr int64_t kNanosPerSecond = 1'000'000'000;
inline constexpr int64_t kNanosPerMilli = 1'000'000;

// Of any two numbers, where a result is beyond what they hold: the end.
inline int64_t later(int64_t time, int64_t by) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(time, by, &sum)) return sum;
  return by > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}
inline int64_t between(int64_t from, int64_t to) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(to, from, &difference)) return difference;
  return to > from ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

// Milliseconds from now until then, rounded up; 0 when that is past.
inline int64_t until_ms(int64_t then_ns, int64_t now_ns) {
  const int64_t wait = between(now_ns, then_ns);
  return wait <= 0 ? 0 : wait / kNanosPerMilli + (wait % kNanosPerMilli != 0);
}

inline int64_t to_ns(const k8s::io::apimachinery::pkg::apis::meta::v1::Time& time) {
  int64_t ns = 0;
  if (__builtin_mul_overflow(time.seconds(), kNanosPerSecond, &ns)) {
    return time.seconds() > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
  }
  return later(ns, time.nanos());
}

inline k8s::io::apimachinery::pkg::apis::meta::v1::Time to_time(int64_t unix_ns) {
  k8s::io::apimachinery::pkg::apis::meta::v1::Time time;
  time.set_seconds(unix_ns / kNanosPerSecond);
  return time;
}

}  // namespace gantry
