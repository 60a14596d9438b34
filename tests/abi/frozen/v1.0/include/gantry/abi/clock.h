/* gantry.clock/1: the only clock a plugin may ask, so that a whole cluster can run on simulated time. */
#ifndef GANTRY_ABI_CLOCK_H
#define GANTRY_ABI_CLOCK_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_CLOCK_ID "gantry.clock/1"

typedef struct gantry_clock {
  size_t size;
  /* Wall clock, nanoseconds since 1970-01-01T00:00:00Z; may jump. [any-thread] */
  int64_t (*now_unix_ns)(const gantry_host* host);
  /* Never goes back; only differences mean something. [any-thread] */
  int64_t (*monotonic_ns)(const gantry_host* host);
} gantry_clock;

#ifdef __cplusplus
}
#endif
#endif
