/* gantry.cache/1: the host's informer caches of what this plugin's controller watches.
 *
 * Objects are protobuf messages of sdk/proto/k8s.io (no envelope), shared and read-only. A cache may be behind
 * the API by some events; what the plugin itself wrote is visible once reconcile runs after the host has seen it
 * (see ControllerSpec.wait_own_writes). */
#ifndef GANTRY_ABI_CACHE_H
#define GANTRY_ABI_CACHE_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_CACHE_ID "gantry.cache/1"

/* A resource as discovery names it; group "" is the core group. */
typedef struct gantry_resource {
  gantry_slice group;
  gantry_slice version;
  gantry_slice resource; /* plural, "replicasets" */
} gantry_resource;

/* Sees one object; returns 0 to go on, anything else to stop. `object` lives for the call. */
typedef int32_t (*gantry_visit)(void* context, gantry_slice object);

typedef struct gantry_cache {
  size_t size;
  /* One object, by reference count; 404 when absent, 400 when this controller does not watch the resource. [any-thread]
   */
  gantry_code (*get)(const gantry_host* host, const gantry_resource* resource, gantry_slice ns, gantry_slice name,
                     gantry_buffer* object);
  /* Objects of a namespace ("" for all) whose labels match `selector` (the API's syntax; empty for all). [any-thread]
   * [stream] */
  gantry_code (*list)(const gantry_host* host, const gantry_resource* resource, gantry_slice ns, gantry_slice selector,
                      gantry_visit visit, void* context, gantry_buffer* error);
  /* Objects with an ownerReference to `uid`, through an index. [any-thread] [stream] */
  gantry_code (*by_owner)(const gantry_host* host, const gantry_resource* resource, gantry_slice uid,
                          gantry_visit visit, void* context);
  /* Objects of a namespace ("" for all) whose field `index` has `value` and whose labels match `selector` (empty for
   * all), through an index, in order of their names. Indexes are the fields that the schema marks so ("spec.nodeName"
   * of pods), and of every resource "metadata.controller": the uid of the owner that manages the object, "" where none
   * does. 400 for any other, and for a field of objects whose metadata alone is cached. [any-thread] [stream]
   * [since 1.1] */
  gantry_code (*by_index)(const gantry_host* host, const gantry_resource* resource, gantry_slice index,
                          gantry_slice value, gantry_slice ns, gantry_slice selector, gantry_visit visit, void* context,
                          gantry_buffer* error);
} gantry_cache;

#ifdef __cplusplus
}
#endif
#endif
