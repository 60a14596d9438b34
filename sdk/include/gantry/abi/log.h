/* gantry.log/1: log lines through the daemon's logger, marked with the plugin's name. */
#ifndef GANTRY_ABI_LOG_H
#define GANTRY_ABI_LOG_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_LOG_ID "gantry.log/1"

enum { GANTRY_LOG_DEBUG = 0, GANTRY_LOG_INFO = 1, GANTRY_LOG_WARN = 2, GANTRY_LOG_ERROR = 3 };

typedef struct gantry_log {
  size_t size;
  /* Writes one line; longer than 16 KiB is cut. Above 256 KiB a second, after a burst of 4 MiB, lines are dropped, and
   * the next one that is written says how many. Never blocks on a peer. [any-thread] */
  void (*write)(const gantry_host* host, int32_t level, gantry_slice message);
  /* Whether lines of this level are kept, to save building them. [any-thread] */
  int32_t (*enabled)(const gantry_host* host, int32_t level);
} gantry_log;

#ifdef __cplusplus
}
#endif
#endif
