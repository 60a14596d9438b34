/* gantry.watches/1: caches, and word of what changes, for a plugin without a controller: a network, an overlay, a
 * runtime, whatever it is.
 *
 * A draft: it may change until it is frozen. The host keeps what the plugin names in caches of its own, which
 * gantry.cache/1 reads, and tells it of changes if it likes. A plugin with gantry.controller/1 has its watches in its
 * ControllerSpec and must not have this, too. It works alike on a machine without the server role, where watches and
 * the calls of gantry.client/1 go to the server as the node's user. What the server does not give shows in the state of
 * the plugin, which is then Degraded. */
#ifndef GANTRY_ABI_DRAFT_WATCHES_H
#define GANTRY_ABI_DRAFT_WATCHES_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_WATCHES_ID "gantry.watches/1"

typedef struct gantry_watches {
  size_t size;
  /* What to keep, a gantry.abi.WatchList; constant for the instance. [main] */
  gantry_code (*describe)(void* instance, gantry_buffer* watches, gantry_buffer* error);
  /* All objects are told from the beginning, each as ADDED, once all caches are filled: comes before the first change
   * that an instance is told, and again when more waited than the host keeps (16,384 changes, 8 MiB of objects). What
   * the instance remembers of earlier changes is void. An object that is made or changes while the first ones are
   * gathered may be told twice as ADDED. [worker] [optional] */
  gantry_code (*begin)(void* instance, gantry_buffer* error);
  /* An object changed: a gantry.abi.ObjectEvent. Changes of one object come in order, one call after another, on a
   * thread that the plugin has for it; the caches may show what is newer. An error is told in the log, and the change
   * does not come again; one that ends the plugin's process three times is left out. NULL: caches alone. [worker]
   * [optional] */
  gantry_code (*changed)(void* instance, gantry_slice event, gantry_buffer* error);
} gantry_watches;

#ifdef __cplusplus
}
#endif
#endif
