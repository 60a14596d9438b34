/* gantry.config/1: the plugin's own configuration, the [plugin.NAME] table.
 *
 * A key that no get_* asked for by the end of create is reported by the host as unknown, with file, line and column. */
#ifndef GANTRY_ABI_CONFIG_H
#define GANTRY_ABI_CONFIG_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_CONFIG_ID "gantry.config/1"

/* Every get_*: 0 and the value; 404 when the key is absent (value untouched); 422 when it has another type, with an
 * error that names file, line, column, key and the expected type. Keys of nested tables are dotted. [any-thread] */
typedef struct gantry_config {
  size_t size;
  gantry_code (*get_string)(const gantry_host* host, gantry_slice key, gantry_buffer* value, gantry_buffer* error);
  gantry_code (*get_int)(const gantry_host* host, gantry_slice key, int64_t* value, gantry_buffer* error);
  gantry_code (*get_bool)(const gantry_host* host, gantry_slice key, int32_t* value, gantry_buffer* error);
  /* A list of strings, as a gantry.abi.StringList. */
  gantry_code (*get_strings)(const gantry_host* host, gantry_slice key, gantry_buffer* value, gantry_buffer* error);
  /* What the daemon knows for its plugins: "data_dir" and "run_dir" (private folders of this plugin, existing, mode
   * 0700), "node_name", "plugin_dir" (where its .so lies), "libexec_dir" (helper programs such as the pause binary).
   * 404: unknown. */
  gantry_code (*get_daemon)(const gantry_host* host, gantry_slice key, gantry_buffer* value, gantry_buffer* error);
} gantry_config;

#ifdef __cplusplus
}
#endif
#endif
