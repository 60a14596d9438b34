/* A controller in C: the gauge config_census_config_maps{namespace="..."} tells how many config maps each namespace
 * has.
 *
 * The two protobuf messages that cross are short enough to be written by hand: a spec here, and nothing on the way
 * back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gantry/abi/cache.h"
#include "gantry/abi/controller.h"
#include "gantry/abi/log.h"
#include "gantry/abi/metrics.h"
#include "gantry/abi/plugin.h"

struct census {
  const gantry_host* host;
  const gantry_cache* cache;
  const gantry_log* log;         /* may be NULL */
  const gantry_metrics* metrics; /* may be NULL */
};

static gantry_slice slice(const char* text) {
  const gantry_slice out = {(const uint8_t*)text, strlen(text)};
  return out;
}

static gantry_code create(const gantry_host* host, void** instance, gantry_buffer* error) {
  struct census* self = calloc(1, sizeof *self);
  (void)error; /* the code says enough: no memory, or a host without caches */
  if (self == NULL) return 500;
  self->host = host;
  self->cache = host->get_interface(host, GANTRY_CACHE_ID);
  self->log = host->get_interface(host, GANTRY_LOG_ID);
  self->metrics = host->get_interface(host, GANTRY_METRICS_ID);
  if (self->cache == NULL) {
    free(self);
    return 503;
  }
  *instance = self;
  return 0;
}

static void destroy(void* instance) { free(instance); }

/* gantry.abi.ControllerSpec { name: "config-census" watches { version: "v1" resource: "configmaps" } }; the mapping
 * that is not written is SELF. A field is its number * 8 + 2, its length, its bytes; a message is a field like any
 * other. */
static const char kSpec[] =
    "\x0a\x0d"
    "config-census"
    "\x12\x10"
    "\x12\x02"
    "v1"
    "\x1a\x0a"
    "configmaps";

/* A buffer without a release function may point to constants. */
static gantry_code describe(void* instance, gantry_buffer* spec, gantry_buffer* error) {
  (void)instance;
  (void)error;
  spec->data = (const uint8_t*)kSpec;
  spec->size = sizeof kSpec - 1;
  return 0;
}

static int32_t count_one(void* context, gantry_slice object) {
  (void)object;
  ++*(long*)context;
  return 0;
}

/* Whatever changed about whichever config map: the namespace is counted anew. */
static gantry_code reconcile(void* instance, gantry_slice ns, gantry_slice name, gantry_buffer* result,
                             gantry_buffer* error) {
  const struct census* self = instance;
  const gantry_resource config_maps = {slice(""), slice("v1"), slice("configmaps")};
  long count = 0;
  char text[256];
  const gantry_code code = self->cache->list(self->host, &config_maps, ns, slice(""), count_one, &count, error);
  (void)name;
  (void)result;
  if (code != 0) return code;
  if (self->metrics != NULL) {
    snprintf(text, sizeof text, "namespace=\"%.*s\"", (int)ns.size, (const char*)ns.data);
    const uint64_t gauge = self->metrics->declare(self->host, GANTRY_METRIC_GAUGE, slice("config_census_config_maps"),
                                                  slice("Config maps of a namespace"), slice(text));
    self->metrics->record(self->host, gauge, (double)count);
  }
  if (self->log != NULL) {
    snprintf(text, sizeof text, "%.*s has %ld config maps", (int)ns.size, (const char*)ns.data, count);
    self->log->write(self->host, GANTRY_LOG_INFO, slice(text));
  }
  return 0;
}

static const gantry_controller kController = {sizeof(gantry_controller), describe, NULL, reconcile};

static const void* get_interface(void* instance, const char* id) {
  (void)instance;
  return strcmp(id, GANTRY_CONTROLLER_ID) == 0 ? &kController : NULL;
}

static const char* const kInterfaces[] = {GANTRY_CONTROLLER_ID, NULL};
static const gantry_plugin_descriptor kDescriptor = {
    sizeof(gantry_plugin_descriptor), "config-census", "1.0.0", "Gantry's examples",
    "Counts config maps, in C",       kInterfaces};

__attribute__((visibility("default"))) extern const gantry_plugin_api gantry_plugin;
const gantry_plugin_api gantry_plugin = {
    sizeof(gantry_plugin_api), GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR, &kDescriptor, create, destroy, get_interface};
