/* No fault: the same calls as the others, done right. No tool reports anything. */
#include "planted.h"

int main(void) {
  oth_arena *arena;
  void *block;
  char *dump;
  must(oth_arena_create(4096, &arena));
  must(oth_arena_alloc(arena, 40, 8, &block));
  memset(block, 'x', 40);
  must(oth_arena_dump(arena, &dump));
  oth_text_free(dump);
  oth_text_free(message());
  must(oth_arena_reset(arena));
  must(oth_arena_destroy(arena));
  return 0;
}
