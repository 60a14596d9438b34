/* gantry.plugins/1 (draft): another plugin's interface, for plugins that wrap one or build on one.
 *
 * Between enter and leave the other plugin's instance stays as it is; outside of them it may be exchanged, switched off
 * or gone, so neither `instance` nor `table` may be kept. A short use must be as short as a call: a reload of the other
 * plugin waits for it. A lasting one (a container's stop, an exec) does not hold a reload up: it ends on the instance
 * that began it. The contract of each function of `table` is that of its own header. Offered to plugins in the daemon's
 * process alone. [in-process] */
#ifndef GANTRY_ABI_DRAFT_PLUGINS_H
#define GANTRY_ABI_DRAFT_PLUGINS_H

#include "gantry/abi/base.h"
#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_PLUGINS_ID "gantry.plugins/1"

/* One use of another plugin. */
typedef struct gantry_plugin_use {
  size_t size;
  void* instance;    /* the first argument of the table's functions */
  const void* table; /* the interface that was asked for, at least as large as its first release */
  /* Another number than last time: it was exchanged, and knows nothing of what the old one was told. */
  uint64_t generation;
  void* pin; /* the host's own */
} gantry_plugin_use;

typedef struct gantry_plugins {
  size_t size;
  /* Begins a use of the interface of this id of the plugin of this name, and fills `use`, whose size the caller has
   * set. Waits while the other plugin is being exchanged. Results: 0; 404, there is no such plugin, or it has no such
   * interface; 503, it is not running; 400, it is the caller itself. Then nothing is to be left. [any-thread] */
  gantry_code (*enter)(const gantry_host* host, gantry_slice plugin, gantry_slice interface_id, int32_t lasting,
                       gantry_plugin_use* use, gantry_buffer* error);
  /* Ends it; any thread, once. [any-thread] */
  void (*leave)(const gantry_host* host, gantry_plugin_use* use);
} gantry_plugins;

#ifdef __cplusplus
}
#endif
#endif
