/* gantry.echo/1 (draft): a family of plugins that there is in tests alone: nothing of core/plugin or core/isolation
 * names it.
 *
 * The plugin says things. [side-by-side] */
#ifndef GANTRY_ABI_DRAFT_ECHO_H
#define GANTRY_ABI_DRAFT_ECHO_H

#include "gantry/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_ECHO_ID "gantry.echo/1"

typedef gantry_code (*gantry_echo_verb)(void* instance, gantry_slice request, gantry_buffer* response,
                                        gantry_buffer* error);

typedef struct gantry_echo {
  size_t size;
  /* Its name, whatever is asked. [main] */
  gantry_echo_verb introduce;
  /* The words that it is given, and the id of its process; "fail": 409. [worker] */
  gantry_echo_verb say;
  /* Ends its process. [worker] */
  gantry_echo_verb die;
  /* Does not return until the file "go" lies in its data_dir. [worker] */
  gantry_echo_verb linger;
  /* The same, and takes its time by nature. [worker] [long] */
  gantry_echo_verb wait;
  /* Adds up numbers and the length of a text. [any-thread] */
  gantry_code (*add)(void* instance, uint64_t number, gantry_slice text, uint64_t* sum, gantry_buffer* error);
  /* Forgets the sum. [any-thread] */
  void (*forget)(void* instance, uint64_t down_to);
  /* The plugin of the test lacks it. [worker] [optional] */
  gantry_echo_verb sing;
  /* Came later than the plugin of the test. [worker] [optional] [since 1.1] */
  gantry_echo_verb dance;
} gantry_echo;

#ifdef __cplusplus
}
#endif
#endif
