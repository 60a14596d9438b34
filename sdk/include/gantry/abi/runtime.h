/* gantry.runtime/1: a container runtime, with the verbs and messages of CRI v1.
 *
 * Requests and responses are the messages of sdk/proto/gantry/runtime.proto, wire-compatible with runtime.v1 of
 * kubernetes/cri-api, so that a plugin can pass them on to a CRI socket. Every verb must be idempotent as CRI demands:
 * stopping or removing what is gone succeeds. Pods outlive the daemon: an instance created after a restart finds
 * what runs. Verbs of different sandboxes run concurrently. Of one sandbox the host runs one changing verb at a time,
 * but for stop_container, which takes its grace: it may run beside verbs of the sandbox's other containers, and again
 * for the same container with less time. signal_container takes no time and may run beside any. */
#ifndef GANTRY_ABI_RUNTIME_H
#define GANTRY_ABI_RUNTIME_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_RUNTIME_ID "gantry.runtime/1"

/* One verb: request bytes in, response bytes out. */
typedef gantry_code (*gantry_runtime_verb)(void* instance, gantry_slice request, gantry_buffer* response,
                                           gantry_buffer* error);

/* Told on a thread of the runtime when a container's main process ends or a sandbox dies; must not block.
 * Loss is allowed (the host re-lists every 30 s), duplicates too. */
typedef void (*gantry_runtime_event)(void* context, gantry_slice sandbox_id, gantry_slice container_id);

/* Told once when an exec ends: code 0 and the exit code (128+n for signal n), or an error code and a meta.v1.Status. */
typedef void (*gantry_exec_exit)(void* context, gantry_code code, int32_t exit_code, gantry_slice error);

typedef struct gantry_runtime {
  size_t size;
  gantry_runtime_verb version;         /* VersionRequest [worker] */
  gantry_runtime_verb status;          /* StatusRequest [worker] */
  gantry_runtime_verb run_pod_sandbox; /* RunPodSandboxRequest [worker]. Creates namespaces and pause; for a pod network
                                          of its own, PodSandboxStatus.info["netns"] then names the network namespace's
                                          path, to which the host attaches a network plugin */
  gantry_runtime_verb stop_pod_sandbox;   /* [worker] [long] */
  gantry_runtime_verb remove_pod_sandbox; /* [worker] */
  gantry_runtime_verb pod_sandbox_status; /* [worker] */
  gantry_runtime_verb list_pod_sandbox;   /* [worker] */
  gantry_runtime_verb create_container;   /* [worker] */
  gantry_runtime_verb start_container;    /* [worker] */
  gantry_runtime_verb
      stop_container; /* StopContainerRequest: SIGTERM (or the image's signal), SIGKILL after timeout [worker] [long] */
  gantry_runtime_verb remove_container;           /* [worker] */
  gantry_runtime_verb list_containers;            /* [worker] */
  gantry_runtime_verb container_status;           /* [worker] */
  gantry_runtime_verb update_container_resources; /* [worker] [optional] */
  gantry_runtime_verb exec_sync;                  /* ExecSyncRequest; output cut at 16 KiB each [worker] [long] */
  gantry_runtime_verb list_images;                /* [worker] */
  gantry_runtime_verb image_status;               /* [worker] */
  gantry_runtime_verb pull_image;                 /* [worker] [optional] [long] */
  gantry_runtime_verb remove_image;               /* [worker] [optional] */
  gantry_runtime_verb list_container_stats;       /* [worker] [optional] */
  /* Imports every image of an OCI or docker archive read from fd `archive` (not closed). Request:
   * gantry.runtime.v1.ImportImageRequest; response: ImportImageResponse with the names. [worker] [optional] [long]
   * [stream] */
  gantry_code (*import_image)(void* instance, int32_t archive, gantry_slice request, gantry_buffer* response,
                              gantry_buffer* error);
  /* Runs a command in a container (gantry.runtime.v1.ExecRequest) with the host's descriptors, -1 where not wanted; the
   * runtime owns them from the call on. With tty, in/out are bridged to a terminal and err is -1. Returns an id for
   * resize and cancel; `exited` is called once unless the call fails. [worker] [stream] */
  gantry_code (*exec)(void* instance, gantry_slice request, int32_t in, int32_t out, int32_t err,
                      gantry_exec_exit exited, void* context, uint64_t* exec_id, gantry_buffer* error);
  /* Terminal size of a running exec. [any-thread] [optional] */
  void (*exec_resize)(void* instance, uint64_t exec_id, uint16_t columns, uint16_t rows);
  /* Kills a running exec; its `exited` still comes. [any-thread] [optional] */
  void (*exec_cancel)(void* instance, uint64_t exec_id);
  /* Sets who is told of exits; NULL ends it, and after return no call is running. [main] [optional] [custom] */
  void (*set_event_sink)(void* instance, gantry_runtime_event sink, void* context);
  /* StopContainerRequest, whose timeout does not count: sends the signal that stop_container would send first, and
   * returns at once; the container's end is told as an event. Succeeds where nothing runs. Optional, and beyond the
   * size of tables made before it was added: the host then calls stop_container with all of the grace, a thread each.
   * [worker] [optional] [since 1.1] */
  gantry_runtime_verb signal_container;
} gantry_runtime;

#ifdef __cplusplus
}
#endif
#endif
