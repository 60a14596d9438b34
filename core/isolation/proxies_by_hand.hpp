// The functions of plugins' tables that cross by code of their own: streams and callbacks. Named table_member, as the
// table of interfaces looks for them.
#pragma once

#include "gantry/abi/controller.h"
#include "gantry/abi/runtime.h"

namespace gantry::isolation::by_hand {

void gantry_controller_map(void* instance, gantry_slice event, gantry_emit_key emit, void* context);
gantry_code gantry_runtime_import_image(void* instance, int32_t archive, gantry_slice request, gantry_buffer* response,
                                        gantry_buffer* error);
gantry_code gantry_runtime_exec(void* instance, gantry_slice request, int32_t in, int32_t out, int32_t err,
                                gantry_exec_exit exited, void* context, uint64_t* exec_id, gantry_buffer* error);
void gantry_runtime_set_event_sink(void* instance, gantry_runtime_event sink, void* context);

}  // namespace gantry::isolation::by_hand
