/* What the planted faults share. Each program commits one fault, which tools must report. */

#ifndef PLANTED_H
#define PLANTED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

/* A fault of its own frame: nothing of it is left on the stack when the tool looks. */
#define PLANTED __attribute__((noinline, unused)) static void

/* Stop unless a call did what it should. */
static inline void must(oth_result result) {
  if (result.code != OTH_CODE_OK) {
    fprintf(stderr, "planted: %s\n", result.message);
    exit(2);
  }
}

/* A message of the library: what it says of a NULL handle. */
static inline char *message(void) { return oth_arena_reset(NULL).message; }

/* Overwrite what calls have left on the stack, where a leak checker would take a stale copy for a
 * reference. Not instrumented: red zones between variables would be left out. */
__attribute__((no_sanitize("address"))) PLANTED wipe(void) {
  volatile char room[8192];
  memset((char *)room, 0, sizeof room);
}

#endif
