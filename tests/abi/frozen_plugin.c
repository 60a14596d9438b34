/* Plugins against the frozen headers of ABI v1.0, in the flavours that FLAVOUR_* choose, for fixtures_test.
 *
 * As it is: every interface a plugin can have, using every host interface that each host has. The flavours differ in
 * one thing each. Those of a newer release see today's headers instead, and pretend a further one. */
#include <string.h>

#include "gantry/abi/clock.h"
#include "gantry/abi/config.h"
#include "gantry/abi/controller.h"
#include "gantry/abi/log.h"
#include "gantry/abi/metrics.h"
#include "gantry/abi/network.h"
#include "gantry/abi/plugin.h"
#include "gantry/abi/reload.h"
#include "gantry/abi/runtime.h"
#include "gantry/abi/tasks.h"
#include "gantry/abi/timer.h"

typedef struct state {
  const gantry_host* host;
  uint8_t reconciles;
} state;

static state instance_memory;

static gantry_slice slice(const char* text) {
  const gantry_slice made = {(const uint8_t*)text, strlen(text)};
  return made;
}

static gantry_code create(const gantry_host* host, void** instance, gantry_buffer* error) {
  (void)error;
  instance_memory.host = host;
  instance_memory.reconciles = 0;
  *instance = &instance_memory;
  return 0;
}

static void destroy(void* instance) { ((state*)instance)->host = NULL; }

static gantry_code describe(void* instance, gantry_buffer* spec, gantry_buffer* error) {
  /* gantry.abi.ControllerSpec: field 1, the name. */
  static const uint8_t kSpec[] = {0x0a, 0x06, 'f', 'r', 'o', 'z', 'e', 'n'};
  (void)instance;
  (void)error;
  spec->data = kSpec;
  spec->size = sizeof kSpec;
  return 0;
}

static void ignore_fire(void* context) { (void)context; }

/* Uses the host as v1.0 describes it; the code says what was not as described. */
static gantry_code reconcile(void* instance, gantry_slice ns, gantry_slice name, gantry_buffer* result,
                             gantry_buffer* error) {
  state* const me = (state*)instance;
  const gantry_host* const host = me->host;
  const gantry_log* const log = (const gantry_log*)host->get_interface(host, GANTRY_LOG_ID);
  const gantry_config* const config = (const gantry_config*)host->get_interface(host, GANTRY_CONFIG_ID);
  const gantry_clock* const clock = (const gantry_clock*)host->get_interface(host, GANTRY_CLOCK_ID);
  const gantry_metrics* const metrics = (const gantry_metrics*)host->get_interface(host, GANTRY_METRICS_ID);
  const gantry_timer* const timer = (const gantry_timer*)host->get_interface(host, GANTRY_TIMER_ID);
  const gantry_tasks* const tasks = (const gantry_tasks*)host->get_interface(host, GANTRY_TASKS_ID);
  gantry_buffer folder = {NULL, 0, NULL, NULL};
  uint64_t id = 0;
  (void)ns;
  (void)result;
  if (host->size < sizeof(gantry_host) || host->abi_major != GANTRY_ABI_MAJOR) return 501;
  if (log == NULL || log->size < sizeof *log || config == NULL || config->size < sizeof *config) return 502;
  if (clock == NULL || clock->size < sizeof *clock || metrics == NULL || metrics->size < sizeof *metrics) return 503;
  if (timer == NULL || timer->size < sizeof *timer || tasks == NULL || tasks->size < sizeof *tasks) return 504;
  if (host->get_interface(host, "gantry.unheard-of/1") != NULL) return 505;
  if (clock->now_unix_ns(host) <= 0 || clock->monotonic_ns(host) <= 0) return 506;
  if (config->get_daemon(host, slice("data_dir"), &folder, error) != 0 || folder.size == 0) return 507;
  if (folder.release != NULL) folder.release(folder.owner);
  id = metrics->declare(host, GANTRY_METRIC_COUNTER, slice("frozen_total"), slice("Reconciles"), slice(""));
  if (id == 0) return 508;
  metrics->record(host, id, 1);
  id = timer->start(host, 3600000, ignore_fire, NULL);
  if (id == 0) return 509;
  timer->cancel(host, id);
  if (tasks->run(host, ignore_fire, NULL) != 0) return 510;
  log->write(host, GANTRY_LOG_INFO, name);
  ++me->reconciles;
  return 0;
}

static gantry_code save(void* instance, gantry_buffer* saved, gantry_buffer* error) {
  (void)error;
  saved->data = &((state*)instance)->reconciles;
  saved->size = 1;
  return 0;
}

/* The line tells the test whether the count came over. */
static gantry_code restore(void* instance, gantry_slice saved, gantry_buffer* error) {
  state* const me = (state*)instance;
  const gantry_log* const log = (const gantry_log*)me->host->get_interface(me->host, GANTRY_LOG_ID);
  (void)error;
  if (saved.size != 1) return 422;
  me->reconciles = saved.data[0];
  log->write(me->host, GANTRY_LOG_INFO, slice(me->reconciles == 1 ? "restored one" : "restored another count"));
  return 0;
}

static gantry_code verb(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  (void)instance;
  (void)request;
  (void)response;
  (void)error;
  return 0;
}

static gantry_code import_image(void* instance, int32_t archive, gantry_slice request, gantry_buffer* response,
                                gantry_buffer* error) {
  (void)archive;
  return verb(instance, request, response, error);
}

static gantry_code exec(void* instance, gantry_slice request, int32_t in, int32_t out, int32_t err,
                        gantry_exec_exit exited, void* context, uint64_t* exec_id, gantry_buffer* error) {
  (void)in;
  (void)out;
  (void)err;
  (void)exited;
  (void)context;
  *exec_id = 1;
  return verb(instance, request, NULL, error);
}

#if defined(FLAVOUR_newer)
/* Each table with functions that today's host has not heard of: it must not mind, and never call one. */
#define MORE void (*more[2])(void);
#define ADDED \
  , { unheard_of, unheard_of }
static void unheard_of(void) { __builtin_trap(); }
#else
#define MORE
#define ADDED
#endif
typedef struct controller {
  gantry_controller known;
  MORE
} controller;
typedef struct runtime {
  gantry_runtime known;
  MORE
} runtime;
typedef struct network {
  gantry_network known;
  MORE
} network;
typedef struct reload {
  gantry_reload known;
  MORE
} reload;
typedef struct descriptor {
  gantry_plugin_descriptor known;
  MORE
} descriptor;
typedef struct api {
  gantry_plugin_api known;
  MORE
} api;

#if defined(FLAVOUR_short_runtime)
/* Ends after exec: what comes then is not required of a runtime, but was in its table from the first release on. */
#define RUNTIME_SIZE offsetof(gantry_runtime, exec_resize)
#else
#define RUNTIME_SIZE sizeof(runtime)
#endif

static const controller kController = {{sizeof(controller), describe, NULL, reconcile} ADDED};
static const network kNetwork = {{sizeof(network), verb, verb, verb, verb, verb, verb} ADDED};
static const reload kReload = {{sizeof(reload), save, restore} ADDED};
/* What a runtime may lack is NULL: update_container_resources, and images beyond listing. */
static const runtime kRuntime = {{RUNTIME_SIZE, verb, verb, verb,         verb, verb, verb, verb, verb,
                                  verb,         verb, verb, verb,         verb, NULL, verb, verb, verb,
                                  NULL,         NULL, NULL, import_image, exec, NULL, NULL, NULL} ADDED};

static const void* get_interface(void* instance, const char* id) {
  (void)instance;
  if (strcmp(id, GANTRY_CONTROLLER_ID) == 0) return &kController;
  if (strcmp(id, GANTRY_RUNTIME_ID) == 0) return &kRuntime;
  if (strcmp(id, GANTRY_NETWORK_ID) == 0) return &kNetwork;
  if (strcmp(id, GANTRY_RELOAD_ID) == 0) return &kReload;
#if defined(FLAVOUR_newer)
  /* An interface of a later release, which this host cannot check. */
  if (strcmp(id, "gantry.unheard-of/1") == 0) return &kReload;
#endif
  return NULL;
}

static const char* const kInterfaces[] = {GANTRY_CONTROLLER_ID,
                                          GANTRY_RUNTIME_ID,
                                          GANTRY_NETWORK_ID,
                                          GANTRY_RELOAD_ID,
#if defined(FLAVOUR_newer)
                                          "gantry.unheard-of/1",
#endif
                                          NULL};
static const descriptor kDescriptor = {
    {sizeof(descriptor), PLUGIN_NAME, "1.0.0", "tests", "Built against ABI v1.0", kInterfaces} ADDED};

#if defined(FLAVOUR_minor_ahead)
#define MINOR (GANTRY_ABI_MINOR + 1)
#else
#define MINOR GANTRY_ABI_MINOR
#endif
#if defined(FLAVOUR_no_symbol)
/* A library like any other: it exports something, but not what makes it a plugin. */
__attribute__((visibility("default"))) extern const api some_plugin;
const api some_plugin =
#else
#if defined(FLAVOUR_no_dependency)
int fixture_dependency(void);
__attribute__((visibility("default"))) int uses_dependency(void) { return fixture_dependency(); }
#endif
__attribute__((visibility("default"))) extern const api gantry_plugin;
const api gantry_plugin =
#endif
    {{sizeof(api), GANTRY_ABI_MAJOR, MINOR, &kDescriptor.known, create, destroy, get_interface} ADDED};
