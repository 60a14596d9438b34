/* gantry.events/1: Kubernetes Events about objects, correlated and rate-limited by the host. */
#ifndef GANTRY_ABI_EVENTS_H
#define GANTRY_ABI_EVENTS_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_EVENTS_ID "gantry.events/1"

typedef struct gantry_events {
  size_t size;
  /* Records an event about `regarding` (k8s.io.api.core.v1.ObjectReference); `type` is "Normal" or "Warning". Returns
   * at once; a repeated event raises the count of the first. Beyond 1,000 waiting, the oldest are dropped, and so
   * is one whose type or reason is longer than 128 bytes, or its reference than 16 KiB. [any-thread] */
  void (*record)(const gantry_host* host, gantry_slice regarding, gantry_slice type, gantry_slice reason,
                 gantry_slice message);
} gantry_events;

#ifdef __cplusplus
}
#endif
#endif
