/* gantry.metrics/1: counters, gauges and histograms that the daemon exposes in Prometheus' text format. */
#ifndef GANTRY_ABI_METRICS_H
#define GANTRY_ABI_METRICS_H

#include "gantry/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_METRICS_ID "gantry.metrics/1"

enum { GANTRY_METRIC_COUNTER = 0, GANTRY_METRIC_GAUGE = 1, GANTRY_METRIC_HISTOGRAM = 2 };

typedef struct gantry_metrics {
  size_t size;
  /* Declares a metric with constant labels ("a=\"x\",b=\"y\"" or empty); the same declaration gives the same handle,
   * which is 0 when the name is invalid or has another kind or help, when it begins with apiserver_, kubelet_,
   * gantry_network_, gantry_plugin_call_ or gantry_trouble_, which are the daemon's, when a label is plugin (the host
   * adds it), le or quantile, when one of the three is longer than 4 KiB, or the host's bound (1,000 a plugin) is
   * reached. [any-thread]
   */
  uint64_t (*declare)(const gantry_host* host, int32_t kind, gantry_slice name, gantry_slice help, gantry_slice labels);
  /* Counter: adds (value >= 0). Gauge: sets. Histogram: observes. Handle 0 is ignored. [any-thread] */
  void (*record)(const gantry_host* host, uint64_t metric, double value);
} gantry_metrics;

#ifdef __cplusplus
}
#endif
#endif
