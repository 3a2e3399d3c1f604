/* Two threads write one byte of a block without asking each other. */
#include <pthread.h>

#include "planted.h"

static void *scribble(void *block) {
  volatile char *byte = (volatile char *)block;
  for (int i = 0; i < 1000; i++) byte[0] = (char)(byte[0] + 1);
  return NULL;
}

int main(void) {
  oth_arena *arena;
  void *block;
  pthread_t one, other;
  must(oth_arena_create(4096, &arena));
  must(oth_arena_alloc(arena, 40, 8, &block));
  if (pthread_create(&one, NULL, scribble, block) != 0) return 2;
  if (pthread_create(&other, NULL, scribble, block) != 0) return 2;
  pthread_join(one, NULL);
  pthread_join(other, NULL);
  must(oth_arena_destroy(arena));
  return 0;
}
