// How much one plugin may have the host keep for it at a time, in whatever mode it runs. What is over is refused as the
// ABI's headers say, and told once a minute. Constants alone: both ends of the isolation protocol read them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gantry::plugin::bounds {

// Timers that wait. The other end of the protocol refuses earlier, since its cancels may still be under way.
constexpr size_t kTimers = 65'536;
constexpr size_t kTimersInProcess = kTimers / 2;

// Keys that gantry.queue or a map brought, waiting or delayed; and their names' bytes. A map is not asked further
// events above this, and what it emits for one event is refused above twice as much.
constexpr size_t kKeys = 100'000;
constexpr size_t kKeyBytes = 16 * 1024 * 1024;
constexpr size_t kKeySize = 4'096;  // of one key

// Events that wait for a map, and the bytes of their objects. Above, they are dropped and all objects are mapped anew.
constexpr size_t kEvents = 16'384;
constexpr size_t kEventBytes = 8 * 1024 * 1024;

// Requests of call_async that are not answered yet.
constexpr size_t kCallBytes = 64 * 1024 * 1024;

// Log lines: so many bytes at once, and then so many a second.
constexpr size_t kLogBurst = 4 * 1024 * 1024;
constexpr size_t kLogPerSecond = 256 * 1024;

}  // namespace gantry::plugin::bounds
