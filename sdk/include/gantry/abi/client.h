/* gantry.client/1: the Kubernetes API, as the identity of the calling plugin. */
#ifndef GANTRY_ABI_CLIENT_H
#define GANTRY_ABI_CLIENT_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_CLIENT_ID "gantry.client/1"

/* Receives the end of an asynchronous call on a host thread; `response` is borrowed; code as for call; must not block.
 */
typedef void (*gantry_call_done)(void* context, gantry_code code, gantry_slice response, gantry_slice error);

typedef struct gantry_client {
  size_t size;
  /* Makes one request (gantry.abi.ApiRequest) and waits for its answer (gantry.abi.ApiResponse), at most 30 s. [worker]
   */
  gantry_code (*call)(const gantry_host* host, gantry_slice request, gantry_buffer* response, gantry_buffer* error);
  /* As call, without waiting; `done` runs exactly once, also when the host stops. 429 when unanswered requests of the
   * plugin hold 64 MiB, 4 KiB each beside their bytes. [any-thread] [custom] */
  void (*call_async)(const gantry_host* host, gantry_slice request, gantry_call_done done, void* context);
} gantry_client;

#ifdef __cplusplus
}
#endif
#endif
