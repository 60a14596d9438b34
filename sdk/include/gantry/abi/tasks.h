/* gantry.tasks/1: background work on the host's threads, so that plugins start none of their own. */
#ifndef GANTRY_ABI_TASKS_H
#define GANTRY_ABI_TASKS_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_TASKS_ID "gantry.tasks/1"

typedef struct gantry_tasks {
  size_t size;
  /* Runs fn(context) once on a worker thread, where it may block. 429 when 1,024 tasks of the plugin wait. The host
   * waits for running tasks before destroy. [any-thread] [custom] */
  gantry_code (*run)(const gantry_host* host, void (*fn)(void* context), void* context);
} gantry_tasks;

#ifdef __cplusplus
}
#endif
#endif
