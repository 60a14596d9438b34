/* The one symbol a plugin exports, and what the host hands it.
 *
 * A plugin is a shared object with the constant `gantry_plugin`. Every struct here begins with its size as the
 * builder knew it; functions are only ever added at the end, so a reader checks `size` before using a later member. */
#ifndef GANTRY_ABI_PLUGIN_H
#define GANTRY_ABI_PLUGIN_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The host, as one plugin instance sees it: every host-interface function takes it as its first argument, so that the
 * host knows who calls. Lives from before create until after destroy. */
typedef struct gantry_host gantry_host;
struct gantry_host {
  size_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  void* context; /* the host's; not for plugins */
  /* A host interface by id ("gantry.log/1"), or NULL when this host does not have it. The table lives as long
   * as the host. [any-thread] */
  const void* (*get_interface)(const gantry_host* host, const char* id);
};

/* Who a plugin is. All strings are NUL-terminated UTF-8 with static lifetime. */
typedef struct gantry_plugin_descriptor {
  size_t size;
  const char* name;    /* DNS-1123 label; unique in a daemon; the [plugin.NAME] table's name */
  const char* version; /* of the plugin, "1.2.3" */
  const char* vendor;
  const char* description; /* one line */
  /* Ids of the interfaces get_interface() answers, ended by NULL. */
  const char* const* interfaces;
} gantry_plugin_descriptor;

typedef struct gantry_plugin_api {
  size_t size;
  uint32_t abi_major; /* must equal the host's */
  uint32_t abi_minor; /* must not exceed the host's */
  const gantry_plugin_descriptor* descriptor;
  /* Makes an instance. May read configuration and take host interfaces; must not start work. On failure
   * `error` says why and *instance is untouched. [main] */
  gantry_code (*create)(const gantry_host* host, void** instance, gantry_buffer* error);
  /* Ends an instance: no other call is in flight; afterwards no thread, timer or callback of it may remain. [main] */
  void (*destroy)(void* instance);
  /* An interface of this instance by id ("gantry.controller/1"), or NULL. The table lives as long as the instance.
   * [any-thread] */
  const void* (*get_interface)(void* instance, const char* id);
} gantry_plugin_api;

#define GANTRY_PLUGIN_SYMBOL "gantry_plugin"

#ifdef __cplusplus
}
#endif
#endif
