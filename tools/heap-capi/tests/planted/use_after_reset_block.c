/* A block is written to after its arena was reset. */
#include "planted.h"

int main(void) {
  oth_arena *arena;
  void *block;
  must(oth_arena_create(4096, &arena));
  must(oth_arena_alloc(arena, 40, 8, &block));
  must(oth_arena_reset(arena));
  ((volatile char *)block)[0] = 'x';
  must(oth_arena_destroy(arena));
  return 0;
}
