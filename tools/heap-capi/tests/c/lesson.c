/* A main as the lesson has it, then what it leaves open. */

#include "arena_lesson.h"
#include "check.h"

static void a_main_of_the_lesson(void) {
  t_arena arena;
  arena_init(&arena);
  CHECK(arena.offset == 0 && arena.capacity == ARENA_SIZE && ARENA_SIZE == 4096);
  char *a = TO(char *, arena_alloc(&arena, BLOCK_SIZE));
  char *b = TO(char *, arena_alloc(&arena, BLOCK_SIZE));
  char *c = TO(char *, arena_alloc(&arena, BLOCK_SIZE));
  CHECK(a == arena.base && b == a + 64 && c == b + 64);
  strcpy(a, "Hello arena");
  strcpy(b, "Scoped allocator is born");
  strcpy(c, "This is not malloc");
  arena_dump(&arena);
  arena_free(&arena);
  CHECK(arena.base == NULL && arena.offset == 0 && arena.capacity == 0);
}

static void a_full_arena_gives_null(void) {
  t_arena arena;
  arena_init(&arena, 256);
  CHECK(arena_alloc(&arena, 200) != NULL);
  CHECK(arena_alloc(&arena, 57) == NULL);
  /* The sum offset + size wraps around to 0 here. */
  CHECK(arena_alloc(&arena, SIZE_MAX - 199) == NULL);
  CHECK(arena_alloc(&arena, 56) != NULL && arena.offset == 256);
  arena_free(&arena);
  arena_free(&arena);
  CHECK(arena_alloc(&arena, 1) == NULL);
}

static void mappings_are_the_lessons_own(void) {
  void *base;
  int local;
  GOOD(oth_lesson_map(100, &base));
  CHECK(TO(char *, base)[99] == 0);
  REFUSED(oth_lesson_unmap(TO(char *, base) + 1), OTH_CODE_POINTER, EINVAL, "no mapping");
  REFUSED(oth_lesson_unmap(&local), OTH_CODE_POINTER, EINVAL, "no mapping");
  GOOD(oth_lesson_unmap(base));
  REFUSED(oth_lesson_unmap(base), OTH_CODE_POINTER, EINVAL, "no mapping");
  GOOD(oth_lesson_unmap(NULL));
  REFUSED(oth_lesson_map(SIZE_MAX, &base), OTH_CODE_NO_MEMORY, ENOMEM, "refused");
  CHECK(base == NULL);
  base = &local;
  REFUSED(oth_lesson_map(0, &base), OTH_CODE_INVALID, EINVAL, "capacity is 0");
  CHECK(base == NULL);
  REFUSED(oth_lesson_map(100, NULL), OTH_CODE_NULL, EINVAL, "base is NULL");
}

int main(void) {
  a_main_of_the_lesson();
  a_full_arena_gives_null();
  mappings_are_the_lessons_own();
  puts("lesson: all good");
  return 0;
}
