/* gantry.kinds/1: API kinds that a plugin brings.
 *
 * A draft: it may change until it is frozen. The kinds are served, explained, validated and printed like built-in ones
 * from before the plugin's controller starts; they stay served while the plugin is switched off, and follow it through
 * reloads. A set that the daemon can't serve keeps the plugin from loading, or from being exchanged. [side-by-side] */
#ifndef GANTRY_ABI_DRAFT_KINDS_H
#define GANTRY_ABI_DRAFT_KINDS_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_KINDS_ID "gantry.kinds/1"

typedef struct gantry_kinds {
  size_t size;
  /* The kinds as a google.protobuf.FileDescriptorSet, at most 4 MiB: the plugin's own .proto files with the options of
   * gantry/schema.proto, and their comments (protoc --include_source_info). The messages of k8s.io and
   * gantry.api need not be in it. Borrowed: lives as long as the instance. Called once for each instance, after create;
   * it may not call the API. [main] */
  gantry_slice (*descriptor_set)(void* instance);
} gantry_kinds;

#ifdef __cplusplus
}
#endif
#endif
