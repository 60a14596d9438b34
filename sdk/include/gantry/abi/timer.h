/* gantry.timer/1: one-shot timers on the host's clock. */
#ifndef GANTRY_ABI_TIMER_H
#define GANTRY_ABI_TIMER_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_TIMER_ID "gantry.timer/1"

typedef struct gantry_timer {
  size_t size;
  /* Calls fire(context) once on a host thread after `delay_ms`; fire must not block, it holds up the plugin's other
   * timers. Returns an id > 0, or 0 when too many of the plugin's timers wait: the host keeps 32,768 at least.
   * [any-thread] [custom] */
  uint64_t (*start)(const gantry_host* host, int64_t delay_ms, void (*fire)(void* context), void* context);
  /* After it returns, fire will not be called again and is not running, unless cancel is called from fire itself.
   * An id that fired or is unknown is ignored. [any-thread] */
  void (*cancel)(const gantry_host* host, uint64_t id);
} gantry_timer;

#ifdef __cplusplus
}
#endif
#endif
