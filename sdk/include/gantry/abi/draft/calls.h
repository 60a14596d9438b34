/* gantry.calls/1: many API calls at once, as the identity of the calling plugin. */
#ifndef GANTRY_ABI_CALLS_H
#define GANTRY_ABI_CALLS_H

#include "gantry/abi/client.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_CALLS_ID "gantry.calls/1"

typedef struct gantry_calls {
  size_t size;
  /* Makes `count` requests as gantry_client.call_async does, and returns when each is answered: `done` has then run for
     all of them, with contexts[i] for requests[i], on host threads. The arrays stay the caller's. A plugin that waits
     by itself for what call_async began holds up simulated time; one that waits here does not. [worker]
     [in-process] */
  void (*call_all)(const gantry_host* host, const gantry_slice* requests, void* const* contexts, size_t count,
                   gantry_call_done done);
} gantry_calls;

#ifdef __cplusplus
}
#endif
#endif
