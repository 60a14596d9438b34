/* gantry.reload/1: what a plugin hands to the instance that takes its place.
 *
 * Optional. Queues, caches, watches and backoff belong to the host and survive a reload without it; this is for what
 * only the plugin knows and could not find out again. Both functions run while no other call into the plugin is in
 * flight. */
#ifndef GANTRY_ABI_RELOAD_H
#define GANTRY_ABI_RELOAD_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_RELOAD_ID "gantry.reload/1"

typedef struct gantry_reload {
  size_t size;
  /* The state, in a form and with a version of the plugin's own; at most 16 MiB. Failure keeps this instance. The
   * instance must still work afterwards: a later step may fail, and then it goes on. [main] */
  gantry_code (*save)(void* instance, gantry_buffer* state, gantry_buffer* error);
  /* Takes over what an earlier instance saved, maybe of another version of the plugin; called once, after create and
   * before any other call. Failure (a version it does not understand, say) keeps the old instance. [main] */
  gantry_code (*restore)(void* instance, gantry_slice state, gantry_buffer* error);
} gantry_reload;

#ifdef __cplusplus
}
#endif
#endif
