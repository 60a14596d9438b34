/* gantry.queue/1: the work queue of the plugin's controller; the host owns it and it survives a reload. */
#ifndef GANTRY_ABI_QUEUE_H
#define GANTRY_ABI_QUEUE_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_QUEUE_ID "gantry.queue/1"

typedef struct gantry_queue {
  size_t size;
  /* Queues a key; one that waits already is not queued twice. A key of more than 4,096 bytes is dropped, and so is a
   * new one while 100,000 keys wait that are no object's of a SELF or OWNER watch; the daemon's log tells. [any-thread]
   */
  void (*add)(const gantry_host* host, gantry_slice ns, gantry_slice name);
  /* Queues a key after a delay on the host's clock; the earliest of several wins. Bounded as add is. [any-thread] */
  void (*add_after)(const gantry_host* host, gantry_slice ns, gantry_slice name, int64_t delay_ms);
} gantry_queue;

#ifdef __cplusplus
}
#endif
#endif
