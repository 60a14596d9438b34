// The API's times as nanoseconds since 1970 and back. The API keeps seconds, so that is what is made. Any thread.
#pragma once

#include <cstdint>

#include "k8s.io/apimachinery/pkg/apis/meta/v1/time.pb.h"

namespace gantry {

inline constexpr int64_t kNanosPerSecond = 1'000'000'000;

inline int64_t to_ns(const k8s::io::apimachinery::pkg::apis::meta::v1::Time& time) {
  return time.seconds() * kNanosPerSecond + time.nanos();
}

inline k8s::io::apimachinery::pkg::apis::meta::v1::Time to_time(int64_t unix_ns) {
  k8s::io::apimachinery::pkg::apis::meta::v1::Time time;
  time.set_seconds(unix_ns / kNanosPerSecond);
  return time;
}

}  // namespace gantry
