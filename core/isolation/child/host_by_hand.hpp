// The functions of host interfaces that the plugin's process does by code of its own: callbacks, streams, and what it
// need not ask the daemon for. Named table_member, as the table of interfaces looks for them.
#pragma once

#include "gantry/abi/cache.h"
#include "gantry/abi/client.h"
#include "gantry/abi/log.h"
#include "gantry/abi/tasks.h"
#include "gantry/abi/timer.h"

namespace gantry::isolation::by_hand {

gantry_code gantry_cache_list(const gantry_host* host, const gantry_resource* resource, gantry_slice ns,
                              gantry_slice selector, gantry_visit visit, void* context, gantry_buffer* error);
gantry_code gantry_cache_by_owner(const gantry_host* host, const gantry_resource* resource, gantry_slice uid,
                                  gantry_visit visit, void* context);
gantry_code gantry_cache_by_index(const gantry_host* host, const gantry_resource* resource, gantry_slice index,
                                  gantry_slice value, gantry_slice ns, gantry_slice selector, gantry_visit visit,
                                  void* context, gantry_buffer* error);
void gantry_client_call_async(const gantry_host* host, gantry_slice request, gantry_call_done done, void* context);
uint64_t gantry_timer_start(const gantry_host* host, int64_t delay_ms, void (*fire)(void*), void* context);
gantry_code gantry_tasks_run(const gantry_host* host, void (*fn)(void*), void* context);

// Those have a rule, too.
gantry_code gantry_client_call(const gantry_host* host, gantry_slice request, gantry_buffer* response,
                               gantry_buffer* error);
void gantry_timer_cancel(const gantry_host* host, uint64_t id);
void gantry_log_write(const gantry_host* host, int32_t level, gantry_slice message);
int32_t gantry_log_enabled(const gantry_host* host, int32_t level);

}  // namespace gantry::isolation::by_hand
