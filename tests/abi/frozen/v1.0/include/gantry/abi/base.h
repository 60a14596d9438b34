/* The words every ABI header uses: slices, buffers, codes.
 *
 * Pure C11. Data crosses as bytes: a gantry_slice is borrowed and lives for the call; a gantry_buffer is owned by
 * whoever received it, until it calls `release`. Payloads are protobuf messages of sdk/proto. No C++
 * type, exception, allocator, FILE*, thread or errno crosses.
 *
 * Thread contracts, on every function: [any-thread] may be called from any thread at any time between create and
 * destroy; [worker] from one of the host's worker threads, may block; [main] from the host's main thread, never
 * at the same time as another [main] call on the same instance. */
#ifndef GANTRY_ABI_BASE_H
#define GANTRY_ABI_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_ABI_MAJOR 1u
#define GANTRY_ABI_MINOR 0u

/* Borrowed bytes; `data` may be NULL when `size` is 0. Strings are UTF-8 and not NUL-terminated. */
typedef struct gantry_slice {
  const uint8_t* data;
  size_t size;
} gantry_slice;

/* Owned bytes. The receiver calls release(owner) exactly once when release is not NULL, from any thread.
 * An out parameter of this type must be zeroed by the caller; the callee fills it or leaves it zero. */
typedef struct gantry_buffer {
  const uint8_t* data;
  size_t size;
  void (*release)(void* owner);
  void* owner;
} gantry_buffer;

/* 0 is success; anything else is an HTTP status code (404, 409, 500, ...). The `error` out parameter beside it
 * then holds a k8s.io.apimachinery.pkg.apis.meta.v1.Status message, or nothing. */
typedef int32_t gantry_code;

#ifdef __cplusplus
}
#endif
#endif
