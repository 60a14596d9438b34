/* gantry.overlay/1: makes the pods of other nodes reachable from this one, over routes, tunnels or whatever.
 *
 * A draft: it may change until it is frozen. A network plugin attaches this node's pods (gantry.network/1), an overlay
 * plugin does the rest of the way; either can be exchanged without the other. The host writes what a node has to tell
 * the others, its advert, to annotations of its Node ("overlay.gantry.dev/NAME"), and hands each node those of all.
 * Everything is level-triggered: the same call may come again at any time, also after a restart, and must then change
 * nothing. What the plugin made in the kernel outlives it, and is found again by the next instance. */
#ifndef GANTRY_ABI_DRAFT_OVERLAY_H
#define GANTRY_ABI_DRAFT_OVERLAY_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_OVERLAY_ID "gantry.overlay/1"

typedef gantry_code (*gantry_overlay_verb)(void* instance, gantry_slice request, gantry_buffer* response,
                                           gantry_buffer* error);

typedef struct gantry_overlay {
  size_t size;
  /* This node: gantry.abi.OverlaySelf -> gantry.abi.OverlayAdvert. Comes before any set_nodes, and before the network
   * plugin's set_node, which is told of the advert's mtu; again when the node's ranges or addresses change. [worker] */
  gantry_overlay_verb set_node;
  /* The other nodes: gantry.abi.OverlayNodes, all of them or what changed since the last call that succeeded; the
   * answer is empty. Where one node can't be reached the others are served all the same; after an error the complete
   * list comes again, later each time. One call at a time. [worker] */
  gantry_overlay_verb set_nodes;
} gantry_overlay;

#ifdef __cplusplus
}
#endif
#endif
