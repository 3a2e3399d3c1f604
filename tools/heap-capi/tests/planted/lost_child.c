/* A subscriber owns a dump; the subscriber is lost, and the dump with it. */
#include "planted.h"

struct subscriber {
  char *dump;
};

PLANTED lose(oth_arena *arena) {
  struct subscriber *subscriber = (struct subscriber *)malloc(sizeof *subscriber);
  void *block;
  must(oth_arena_alloc(arena, 64, 8, &block));
  must(oth_arena_dump(arena, &subscriber->dump));
}

int main(void) {
  oth_arena *arena;
  must(oth_arena_create(4096, &arena));
  lose(arena);
  must(oth_arena_destroy(arena));
  wipe();
  return 0;
}
