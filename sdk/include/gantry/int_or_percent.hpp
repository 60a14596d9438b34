// "25%" of something, or a plain number. Pure, any thread.
#pragma once

#include <cstdint>

#include "gantry/status.hpp"
#include "k8s.io/apimachinery/pkg/util/intstr/generated.pb.h"

namespace gantry::sdk {

// A share of `total` is rounded up or down; what is beyond int32 ends there. 422 for a text that is no percentage.
Expected<int32_t> scaled_value(const k8s::io::apimachinery::pkg::util::intstr::IntOrString& value, int32_t total,
                               bool round_up);

}  // namespace gantry::sdk
