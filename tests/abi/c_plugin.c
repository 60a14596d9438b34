/* The smallest controller in C: no C++ anywhere in its image. */
#include <string.h>

#include "gantry/abi/controller.h"
#include "gantry/abi/log.h"
#include "gantry/abi/plugin.h"

static int instance_memory;
static const gantry_host* host_of_instance;

static gantry_code create(const gantry_host* host, void** instance, gantry_buffer* error) {
  (void)error;
  const gantry_log* log = (const gantry_log*)host->get_interface(host, GANTRY_LOG_ID);
  static const char kText[] = "hello from C";
  if (log != NULL) {
    const gantry_slice text = {(const uint8_t*)kText, sizeof kText - 1};
    log->write(host, GANTRY_LOG_INFO, text);
  }
  host_of_instance = host;
  *instance = &instance_memory;
  return 0;
}

static void destroy(void* instance) { (void)instance; }

static gantry_code describe(void* instance, gantry_buffer* spec, gantry_buffer* error) {
  /* gantry.abi.ControllerSpec: field 1, the name. */
  static const uint8_t kSpec[] = {0x0a, 0x08, 'c', '-', 'p', 'l', 'u', 'g', 'i', 'n'};
  (void)instance;
  (void)error;
  spec->data = kSpec;
  spec->size = sizeof kSpec;
  return 0;
}

static gantry_code reconcile(void* instance, gantry_slice ns, gantry_slice name, gantry_buffer* result,
                             gantry_buffer* error) {
  (void)instance;
  (void)ns;
  (void)name;
  (void)result;
  (void)error;
  return host_of_instance == NULL ? 500 : 0;
}

static const gantry_controller kController = {sizeof(gantry_controller), describe, NULL, reconcile};

static const void* get_interface(void* instance, const char* id) {
  (void)instance;
  return strcmp(id, GANTRY_CONTROLLER_ID) == 0 ? &kController : NULL;
}

static const char* const kInterfaces[] = {GANTRY_CONTROLLER_ID, NULL};
static const gantry_plugin_descriptor kDescriptor = {sizeof(gantry_plugin_descriptor), "c-plugin", "1.0.0", "tests",
                                                     "A controller in pure C",         kInterfaces};

__attribute__((visibility("default"))) extern const gantry_plugin_api gantry_plugin;
const gantry_plugin_api gantry_plugin = {
    sizeof(gantry_plugin_api), GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR, &kDescriptor, create, destroy, get_interface};
