/* gantry.controller/1: a plugin that moves the cluster from its current towards its desired state.
 *
 * The host owns caches, the work queue, per-key exclusion, retries with backoff, worker threads and leader election;
 * the plugin says what it watches, how an event maps to keys, and writes reconcile. [side-by-side] */
#ifndef GANTRY_ABI_CONTROLLER_H
#define GANTRY_ABI_CONTROLLER_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_CONTROLLER_ID "gantry.controller/1"

/* Receives the keys of an event: object namespace ("" for cluster-scoped) and name. */
typedef void (*gantry_emit_key)(void* context, gantry_slice ns, gantry_slice name);

typedef struct gantry_controller {
  size_t size;
  /* The gantry.abi.ControllerSpec of this controller; constant for the instance. [main] */
  gantry_code (*describe)(void* instance, gantry_buffer* spec, gantry_buffer* error);
  /* For watches whose mapping is CUSTOM: calls `emit` for each key that the event (a gantry.abi.ObjectEvent)
   * concerns. One event after another, on a thread that the controller has for it; the next ones wait for it, nobody
   * else does. An event whose map ends the plugin's process three times is left out. NULL when no watch is CUSTOM.
   * [any-thread] [optional] [custom] */
  void (*map)(void* instance, gantry_slice event, gantry_emit_key emit, void* context);
  /* Moves one key towards its desired state. Never runs for one key twice at a time; distinct keys run
   * concurrently up to ControllerSpec.workers. `result` may receive a gantry.abi.ReconcileResult. Failure makes the
   * host retry the key with exponential backoff (5 ms to 1000 s). [worker] */
  gantry_code (*reconcile)(void* instance, gantry_slice ns, gantry_slice name, gantry_buffer* result,
                           gantry_buffer* error);
} gantry_controller;

#ifdef __cplusplus
}
#endif
#endif
