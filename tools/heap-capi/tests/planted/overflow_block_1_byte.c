/* A byte is written behind a block of an arena. */
#include "planted.h"

int main(void) {
  oth_arena *arena;
  void *block, *next;
  must(oth_arena_create(4096, &arena));
  must(oth_arena_alloc(arena, 40, 8, &block));
  must(oth_arena_alloc(arena, 40, 8, &next));
  ((volatile char *)block)[40] = 'x';
  must(oth_arena_destroy(arena));
  return 0;
}
