/* Every function of arena.h, on good and on bad input. The figures leave room for the gaps between
 * blocks that there are where tools are told of them. */

#include "arena.h"
#include "check.h"
#include "heap.h"

static void blocks_are_what_was_asked_for(void) {
  oth_arena *arena;
  GOOD(oth_arena_create(1 << 20, &arena));
  void *first, *second, *zeroed;
  GOOD(oth_arena_alloc(arena, 40, 0, &first));
  GOOD(oth_arena_alloc(arena, 1, 256, &second));
  CHECK(TO(char *, second) - TO(char *, first) >= 40);
  CHECK((ADDRESS(second) & 255) == 0);
  memset(first, 1, 40);
  GOOD(oth_arena_alloc_zeroed(arena, 100, 8, &zeroed));
  for (int i = 0; i < 100; i++) CHECK(TO(char *, zeroed)[i] == 0);
  void *empty = NULL;
  GOOD(oth_arena_alloc(arena, 0, 0, &empty));
  CHECK(empty != NULL);
  oth_arena_stats_t stats;
  GOOD(oth_arena_stats(arena, &stats));
  CHECK(stats.used >= 141 && stats.capacity == 1 << 20 && stats.high_water_mark == stats.used);
  CHECK(stats.committed <= stats.capacity && stats.limit == stats.capacity);
  GOOD(oth_arena_destroy(arena));
}

static void default_arena_is_large(void) {
  oth_arena *arena;
  GOOD(oth_arena_create(0, &arena));
  oth_arena_stats_t stats;
  GOOD(oth_arena_stats(arena, &stats));
  CHECK(stats.capacity >= 64 << 20);
  GOOD(oth_arena_destroy(arena));
}

static void exhaustion_is_said_and_harms_nothing(void) {
  oth_arena *arena;
  GOOD(oth_arena_create(4096, &arena));
  void *block;
  GOOD(oth_arena_alloc(arena, 3000, 8, &block));
  REFUSED(oth_arena_alloc(arena, 2000, 8, &block), OTH_CODE_NO_MEMORY, ENOMEM, "arena exhausted: 20");
  CHECK(block == NULL);
  REFUSED(oth_arena_alloc_zeroed(arena, 2000, 8, &block), OTH_CODE_NO_MEMORY, ENOMEM, "exhausted");
  REFUSED(oth_arena_alloc(arena, SIZE_MAX, 8, &block), OTH_CODE_NO_MEMORY, ENOMEM, "too large");
  REFUSED(oth_arena_alloc(arena, SIZE_MAX / 4, 8, &block), OTH_CODE_NO_MEMORY, ENOMEM,
          "exhausted");
  REFUSED(oth_arena_alloc(arena, 8, 3, &block), OTH_CODE_INVALID, EINVAL, "align is 3");
  REFUSED(oth_arena_alloc(arena, 8, SIZE_MAX, &block), OTH_CODE_INVALID, EINVAL, "no power of two");
  REFUSED(oth_arena_alloc(arena, 8, SIZE_MAX / 2 + 1, &block), OTH_CODE_NO_MEMORY, ENOMEM, "too large");
  GOOD(oth_arena_alloc(arena, 96, 8, &block));
  GOOD(oth_arena_set_limit(arena, 4096));
  GOOD(oth_arena_destroy(arena));
  REFUSED(oth_arena_create(SIZE_MAX, &arena), OTH_CODE_NO_MEMORY, ENOMEM, "no memory for the arena");
  CHECK(arena == NULL);
}

static void limits_hold(void) {
  oth_arena *arena;
  GOOD(oth_arena_create(1 << 16, &arena));
  GOOD(oth_arena_set_limit(arena, 1000));
  void *block;
  GOOD(oth_arena_alloc(arena, 900, 1, &block));
  REFUSED(oth_arena_alloc(arena, 101, 1, &block), OTH_CODE_NO_MEMORY, ENOMEM, "raise the limit");
  GOOD(oth_arena_set_limit(arena, 0));
  REFUSED(oth_arena_alloc(arena, 1, 1, &block), OTH_CODE_NO_MEMORY, ENOMEM, "raise the limit");
  GOOD(oth_arena_set_limit(arena, SIZE_MAX));
  GOOD(oth_arena_alloc(arena, 101, 1, &block));
  GOOD(oth_arena_destroy(arena));
}

static void texts_are_bounded(void) {
  oth_arena *arena;
  GOOD(oth_arena_create(4096, &arena));
  char *copy, *dump;
  GOOD(oth_arena_copy_text(arena, "Hello arena", 100, &copy));
  CHECK(strcmp(copy, "Hello arena") == 0);
  const char open[4] = {'o', 'p', 'e', 'n'};
  REFUSED(oth_arena_copy_text(arena, open, 4, &copy), OTH_CODE_INVALID, EINVAL,
          "no NUL within 4 bytes");
  CHECK(copy == NULL);
  REFUSED(oth_arena_copy_text(arena, open, 0, &copy), OTH_CODE_INVALID, EINVAL, "within 0 bytes");
  GOOD(oth_arena_copy_text(arena, "Hello arena", SIZE_MAX, &copy));
  GOOD(oth_arena_dump(arena, &dump));
  CHECK(strncmp(dump, "Hello arena.....", 16) == 0);
  oth_text_free(dump);
  GOOD(oth_arena_dump_hex(arena, &dump));
  CHECK(strstr(dump, "48 65 6c 6c 6f 20 61 72 65 6e 61 00") != NULL);
  oth_text_free(dump);
  GOOD(oth_arena_destroy(arena));
}

static void checkpoints_go_back_and_stale_ones_are_refused(void) {
  oth_arena *arena, *other;
  GOOD(oth_arena_create(4096, &arena));
  GOOD(oth_arena_create(4096, &other));
  oth_checkpoint start, start_again, middle, foreign, forged;
  void *block, *again;
  GOOD(oth_arena_checkpoint(arena, &start));
  GOOD(oth_arena_checkpoint(arena, &start_again));
  CHECK(start.serial == start_again.serial && start.used == 0);
  GOOD(oth_arena_checkpoint(other, &foreign));
  GOOD(oth_arena_alloc(arena, 64, 8, &block));
  GOOD(oth_arena_checkpoint(arena, &middle));
  CHECK(middle.used >= 64);
  GOOD(oth_arena_alloc(arena, 64, 8, &again));
  GOOD(oth_arena_rewind(arena, middle));
  GOOD(oth_arena_rewind(arena, middle));
  REFUSED(oth_arena_rewind(arena, foreign), OTH_CODE_CHECKPOINT, EINVAL, "of another arena");
  forged = middle;
  forged.used--;
  REFUSED(oth_arena_rewind(arena, forged), OTH_CODE_CHECKPOINT, EINVAL, "was changed");
  forged.serial = 1000;
  REFUSED(oth_arena_rewind(arena, forged), OTH_CODE_CHECKPOINT, EINVAL, "void");
  GOOD(oth_arena_rewind(arena, start));
  REFUSED(oth_arena_rewind(arena, middle), OTH_CODE_CHECKPOINT, EINVAL, "rewound to an earlier one");
  GOOD(oth_arena_alloc(arena, 64, 8, &again));
  CHECK(again == block);
  GOOD(oth_arena_reset(arena));
  REFUSED(oth_arena_rewind(arena, start), OTH_CODE_CHECKPOINT, EINVAL, "reset");
  GOOD(oth_arena_destroy(arena));
  GOOD(oth_arena_destroy(other));
}

/* Every function on a handle that is wrong in one way. */
static void refused_everywhere(oth_arena *arena, oth_code code, int number, const char *words) {
  void *block;
  char *text;
  oth_arena_stats_t stats;
  oth_checkpoint checkpoint = {0, 0, 0};
  REFUSED(oth_arena_alloc(arena, 8, 8, &block), code, number, words);
  CHECK(block == NULL);
  REFUSED(oth_arena_alloc_zeroed(arena, 8, 8, &block), code, number, words);
  REFUSED(oth_arena_copy_text(arena, "text", 5, &text), code, number, words);
  CHECK(text == NULL);
  REFUSED(oth_arena_checkpoint(arena, &checkpoint), code, number, words);
  REFUSED(oth_arena_rewind(arena, checkpoint), code, number, words);
  REFUSED(oth_arena_reset(arena), code, number, words);
  REFUSED(oth_arena_set_limit(arena, 1), code, number, words);
  REFUSED(oth_arena_stats(arena, &stats), code, number, words);
  REFUSED(oth_arena_dump(arena, &text), code, number, words);
  CHECK(text == NULL);
  REFUSED(oth_arena_dump_hex(arena, &text), code, number, words);
  if (arena != NULL) REFUSED(oth_arena_destroy(arena), code, number, words);
}

static void bad_handles_are_refused(void) {
  refused_everywhere(NULL, OTH_CODE_NULL, EINVAL, "the handle is NULL, where an oth_arena belongs");
  GOOD(oth_arena_destroy(NULL));
  oth_arena *arena, *next;
  GOOD(oth_arena_create(4096, &arena));
  GOOD(oth_arena_destroy(arena));
  refused_everywhere(arena, OTH_CODE_DESTROYED, EINVAL, "was destroyed");
  /* Another arena takes its place, and the old handle is still refused. */
  GOOD(oth_arena_create(4096, &next));
  CHECK(next != arena);
  refused_everywhere(arena, OTH_CODE_DESTROYED, EINVAL, "was destroyed");
  GOOD(oth_arena_destroy(next));
  oth_heap *heap;
  GOOD(oth_heap_create(1 << 16, 0, &heap));
  refused_everywhere(TO(oth_arena *, TO(void *, heap)), OTH_CODE_WRONG_KIND, EINVAL,
                     "the handle is of an oth_heap, where an oth_arena belongs");
  GOOD(oth_heap_destroy(heap));
  int local;
  refused_everywhere(TO(oth_arena *, TO(void *, &local)), OTH_CODE_NO_HANDLE, EINVAL, "is no handle");
  refused_everywhere(FAKE(oth_arena *, 0xa7ffffff00000001), OTH_CODE_NO_HANDLE, EINVAL, "is no handle");
  refused_everywhere(FAKE(oth_arena *, 0xa700000000000000), OTH_CODE_NO_HANDLE, EINVAL, "is no handle");
  refused_everywhere(FAKE(oth_arena *, UINTPTR_MAX), OTH_CODE_NO_HANDLE, EINVAL, "is no handle");
}

/* NULL for every pointer that is not a handle, in turn. */
static void null_arguments_are_refused(void) {
  oth_arena *arena;
  char *copy;
  REFUSED(oth_arena_create(4096, NULL), OTH_CODE_NULL, EINVAL, "arena is NULL");
  GOOD(oth_arena_create(4096, &arena));
  REFUSED(oth_arena_alloc(arena, 8, 8, NULL), OTH_CODE_NULL, EINVAL, "block is NULL");
  REFUSED(oth_arena_alloc_zeroed(arena, 8, 8, NULL), OTH_CODE_NULL, EINVAL, "block is NULL");
  REFUSED(oth_arena_copy_text(arena, NULL, 8, &copy), OTH_CODE_NULL, EINVAL, "text is NULL");
  REFUSED(oth_arena_copy_text(arena, "text", 8, NULL), OTH_CODE_NULL, EINVAL, "copy is NULL");
  REFUSED(oth_arena_checkpoint(arena, NULL), OTH_CODE_NULL, EINVAL, "checkpoint is NULL");
  REFUSED(oth_arena_stats(arena, NULL), OTH_CODE_NULL, EINVAL, "stats is NULL");
  REFUSED(oth_arena_dump(arena, NULL), OTH_CODE_NULL, EINVAL, "dump is NULL");
  REFUSED(oth_arena_dump_hex(arena, NULL), OTH_CODE_NULL, EINVAL, "dump is NULL");
  GOOD(oth_arena_destroy(arena));
  errno = QUIET;
  oth_text_free(NULL);
  CHECK(errno == QUIET);
}

static void a_thousand_arenas_at_once(void) {
  static oth_arena *arenas[1000];
  for (int i = 0; i < 1000; i++) GOOD(oth_arena_create(4096, &arenas[i]));
  for (int i = 0; i < 1000; i++) {
    void *block;
    GOOD(oth_arena_alloc(arenas[i], 4000, 1, &block));
    memset(block, i, 4000);
  }
  for (int i = 999; i >= 0; i--) GOOD(oth_arena_destroy(arenas[i]));
  for (int i = 0; i < 1000; i++) {
    REFUSED(oth_arena_destroy(arenas[i]), OTH_CODE_DESTROYED, EINVAL, "was destroyed");
  }
}

int main(void) {
  blocks_are_what_was_asked_for();
  default_arena_is_large();
  exhaustion_is_said_and_harms_nothing();
  limits_hold();
  texts_are_bounded();
  checkpoints_go_back_and_stale_ones_are_refused();
  bad_handles_are_refused();
  null_arguments_are_refused();
  a_thousand_arenas_at_once();
  puts("arena: all good");
  return 0;
}
