/* Every ABI header, alone enough and pure C11; sizes that plugins built against v1 rely on. */
#include "gantry/abi/base.h"
#include "gantry/abi/cache.h"
#include "gantry/abi/client.h"
#include "gantry/abi/clock.h"
#include "gantry/abi/config.h"
#include "gantry/abi/controller.h"
#include "gantry/abi/draft/calls.h"
#include "gantry/abi/draft/handover.h"
#include "gantry/abi/draft/kinds.h"
#include "gantry/abi/draft/overlay.h"
#include "gantry/abi/draft/plugins.h"
#include "gantry/abi/draft/watches.h"
#include "gantry/abi/events.h"
#include "gantry/abi/log.h"
#include "gantry/abi/metrics.h"
#include "gantry/abi/network.h"
#include "gantry/abi/plugin.h"
#include "gantry/abi/queue.h"
#include "gantry/abi/reload.h"
#include "gantry/abi/runtime.h"
#include "gantry/abi/tasks.h"
#include "gantry/abi/timer.h"

#define SIZE_IS(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " changed its size")

SIZE_IS(gantry_slice, 16);
SIZE_IS(gantry_buffer, 32);
SIZE_IS(gantry_code, 4);
SIZE_IS(gantry_host, 32);
SIZE_IS(gantry_plugin_descriptor, 48);
SIZE_IS(gantry_plugin_api, 48);

/* A table may grow at its end, never shrink or change what was there. */
#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member " moved")

AT(gantry_controller, reconcile, 24);
AT(gantry_runtime, version, 8);
AT(gantry_runtime, set_event_sink, 200);
AT(gantry_network, gc, 48);
AT(gantry_reload, restore, 16);
AT(gantry_kinds, descriptor_set, 8);
AT(gantry_overlay, set_nodes, 16);
AT(gantry_cache, by_owner, 24);
AT(gantry_cache, by_index, 32);
AT(gantry_client, call_async, 16);
AT(gantry_config, get_daemon, 40);

int gantry_abi_headers_compile;
