// The host interfaces that cross to a plugin's process, as the bits of a mask: both ends agree on them here.
#pragma once

#include <array>
#include <cstdint>

#include "gantry/abi/cache.h"
#include "gantry/abi/client.h"
#include "gantry/abi/clock.h"
#include "gantry/abi/config.h"
#include "gantry/abi/events.h"
#include "gantry/abi/log.h"
#include "gantry/abi/metrics.h"
#include "gantry/abi/queue.h"
#include "gantry/abi/tasks.h"
#include "gantry/abi/timer.h"

namespace gantry::isolation {

enum HostBit : uint32_t {
  kLog,
  kConfig,
  kClock,
  kTimer,
  kMetrics,
  kClient,
  kCache,
  kQueue,
  kEvents,
  kTasks,
  kHostBits
};

constexpr std::array<const char*, kHostBits> kHostIds = {
    GANTRY_LOG_ID,    GANTRY_CONFIG_ID, GANTRY_CLOCK_ID, GANTRY_TIMER_ID,  GANTRY_METRICS_ID,
    GANTRY_CLIENT_ID, GANTRY_CACHE_ID,  GANTRY_QUEUE_ID, GANTRY_EVENTS_ID, GANTRY_TASKS_ID};

}  // namespace gantry::isolation
