/* gantry.network/1: a pod network backend, with CNI's words.
 *
 * The host computes who has which address range; the plugin makes it so on this node. Everything is level-triggered:
 * the same call may come again at any time, also after a restart, and must then change nothing. */
#ifndef GANTRY_ABI_NETWORK_H
#define GANTRY_ABI_NETWORK_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_NETWORK_ID "gantry.network/1"

typedef gantry_code (*gantry_network_verb)(void* instance, gantry_slice request, gantry_buffer* response,
                                           gantry_buffer* error);

typedef struct gantry_network {
  size_t size;
  /* This node: gantry.abi.NetworkNode with its pod ranges. Makes bridge, addresses, masquerading. Comes before any add.
   * [worker] */
  gantry_network_verb set_node;
  /* All other nodes: gantry.abi.NetworkNodes, the complete list; the plugin makes their ranges reachable and removes
   * what is no longer listed. [worker] */
  gantry_network_verb set_nodes;
  /* CNI ADD: gantry.abi.NetworkAttachment -> gantry.abi.NetworkResult. Again for an attached sandbox: the same result.
   * [worker] */
  gantry_network_verb add;
  /* CNI DEL: NetworkAttachment; gives the address back. What is gone already is success; netns may no longer exist.
   * [worker] */
  gantry_network_verb del;
  /* CNI CHECK: NetworkAttachment; an error when the attachment is no longer as add left it. [worker] [optional] */
  gantry_network_verb check;
  /* CNI GC: gantry.abi.NetworkLive lists the sandboxes that exist; everything else of the plugin's is removed. [worker]
   */
  gantry_network_verb gc;
} gantry_network;

#ifdef __cplusplus
}
#endif
#endif
