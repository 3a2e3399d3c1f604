/* A block of an arena is given to free. */
#include "planted.h"

int main(void) {
  oth_arena *arena;
  void *first, *block;
  must(oth_arena_create(4096, &arena));
  must(oth_arena_alloc(arena, 40, 8, &first));
  must(oth_arena_alloc(arena, 40, 8, &block));
  free(block);
  must(oth_arena_destroy(arena));
  return 0;
}
