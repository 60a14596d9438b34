/* gantry.handover/1 (draft): what a plugin takes over from another plugin for the same job, which it replaces.
 *
 * Optional. [plugin.NEW] replaces = "OLD" has NEW take OLD's place by the steps of a reload: OLD comes to rest, NEW is
 * asked here, and only then OLD ends. A plugin without this interface starts without OLD's state. */
#ifndef GANTRY_ABI_DRAFT_HANDOVER_H
#define GANTRY_ABI_DRAFT_HANDOVER_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_HANDOVER_ID "gantry.handover/1"

/* Whose place is taken. Strings live for the call. */
typedef struct gantry_predecessor {
  size_t size;
  const char* name;    /* "host-gw" */
  const char* version; /* its own, as its descriptor says */
  int32_t has_state;   /* 0: it has no gantry.reload/1, or crashed */
} gantry_predecessor;

typedef struct gantry_handover {
  size_t size;
  /* Called once, after create and before any other call, while no call into the predecessor is in flight. `state` is
   * what its gantry.reload/1 saved, in its own form; empty without one. Results: 0, it is taken over; 501, this plugin
   * starts without it; anything else, with a sentence: this plugin can not start like that, and the predecessor goes
   * on. [main] */
  gantry_code (*take_over)(void* instance, const gantry_predecessor* predecessor, gantry_slice state,
                           gantry_buffer* error);
} gantry_handover;

#ifdef __cplusplus
}
#endif
#endif
