/* An arena for each request: everything is given up at once, and the arena is used again. */

#include <stdio.h>
#include <string.h>

#include "arena.h"

/* Print why a call failed, free the message, and say whether it failed. */
static int failed(oth_result result) {
  if (result.code == OTH_CODE_OK) return 0;
  fprintf(stderr, "request: %s\n", result.message);
  oth_text_free(result.message);
  return 1;
}

static int serve(oth_arena *arena, const char *name) {
  char *copy;
  void *answer;
  if (failed(oth_arena_copy_text(arena, name, 1000, &copy))) return 1;
  if (failed(oth_arena_alloc(arena, strlen(copy) + 8, 1, &answer))) return 1;
  sprintf((char *)answer, "Hello, %s", copy);
  puts((char *)answer);
  return 0;
}

int main(void) {
  const char *const names[] = {"arena", "scope", "heap"};
  oth_arena *arena;
  oth_arena_stats_t stats;
  if (failed(oth_arena_create(1 << 20, &arena))) return 1;
  for (int i = 0; i < 3; i++) {
    if (serve(arena, names[i]) || failed(oth_arena_reset(arena))) return 1;
  }
  if (failed(oth_arena_stats(arena, &stats))) return 1;
  printf("%zu bytes used, %zu at most\n", stats.used, stats.high_water_mark);
  return failed(oth_arena_destroy(arena));
}
