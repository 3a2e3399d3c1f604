/* An arena is created, and its handle forgotten. */
#include "planted.h"

PLANTED lose(void) {
  oth_arena *arena;
  must(oth_arena_create(4096, &arena));
}

int main(void) {
  lose();
  wipe();
  return 0;
}
