/* Every function of heap.h, on good and on bad input. */

#include "heap.h"
#include "arena.h"
#include "check.h"

static int always_and_count(int *calls) { return ++*calls; }

static int32_t move_all(void *context, uint16_t tag, void *proposed) {
  CHECK(tag != 0x7FFF && proposed != NULL);
  return always_and_count(TO(int *, context)) > 0;
}

static int32_t move_none(void *context, uint16_t tag, void *proposed) {
  (void)context;
  (void)proposed;
  CHECK(tag < 0x4000);
  return 0;
}

typedef struct seen {
  int blocks, free_blocks;
  uint32_t last_offset;
} seen;

static void look(void *context, const oth_heap_block *block) {
  seen *all = TO(seen *, context);
  all->blocks++;
  all->free_blocks += block->is_free;
  CHECK((block->tag == 0x7FFF) == (block->is_free == 1));
  CHECK(block->offset == 0 || block->offset > all->last_offset);
  all->last_offset = block->offset;
}

static void expect_drawing(oth_heap *heap, const char *expected) {
  char *drawing;
  GOOD(oth_heap_draw(heap, &drawing));
  if (strncmp(drawing, expected, strlen(expected)) != 0) {
    fprintf(stderr, "drawn: %s, expected: %s\n", drawing, expected);
    exit(1);
  }
  oth_text_free(drawing);
  GOOD(oth_heap_check(heap));
}

static void blocks_live_move_and_die(void) {
  oth_heap *heap;
  void *a, *b, *c, *tail;
  size_t recovered = 1;
  GOOD(oth_heap_create(1 << 16, 0, &heap));
  GOOD(oth_heap_alloc(heap, 16, 1001, &a));
  GOOD(oth_heap_alloc(heap, 16, 1002, &b));
  GOOD(oth_heap_alloc(heap, 16, 1003, &c));
  GOOD(oth_heap_alloc(heap, 16, 0x8001, &tail));
  memset(b, 0x22, 16);
  expect_drawing(heap, "FIRST [1001 4dw] [1002 4dw] [1003 4dw] [FREE ");
  GOOD(oth_heap_free(heap, a, &recovered));
  CHECK(recovered == 16);
  GOOD(oth_heap_free(heap, c, NULL));

  oth_heap_moved moved;
  int calls = 0;
  GOOD(oth_heap_defrag(heap, move_none, NULL, &moved));
  CHECK(moved.moves == 0 && moved.vetoes == 1);
  GOOD(oth_heap_defrag(heap, move_all, &calls, &moved));
  CHECK(moved.moves == 1 && moved.bytes == 16 && calls == 1);
  CHECK(moved.largest_free_after > moved.largest_free_before);
  CHECK(TO(char *, a)[0] == 0x22);
  b = a;

  seen all = {0, 0, 0};
  GOOD(oth_heap_walk(heap, look, &all));
  CHECK(all.blocks == 4 && all.free_blocks == 2);

  GOOD(oth_heap_realloc(heap, &b, 400));
  CHECK(TO(char *, b)[15] == 0x22);
  oth_heap_stats_t stats;
  GOOD(oth_heap_stats(heap, &stats));
  CHECK(stats.live == 2 && stats.holes == 0 && stats.free == stats.largest_free);
  CHECK(stats.free == stats.free_head && stats.capacity > stats.free);

  oth_heap_freed freed;
  GOOD(oth_heap_free_tags(heap, 0x80000001, 0x4002, &freed));
  CHECK(freed.blocks == 1 && freed.bytes == 16 + 24);
  GOOD(oth_heap_free_tags(heap, 1000, 1002, &freed));
  CHECK(freed.blocks == 1);
  GOOD(oth_heap_stats(heap, &stats));
  CHECK(stats.live == 0);
  GOOD(oth_heap_destroy(heap));
}

static void sizes_and_tags_are_read_or_refused(void) {
  oth_heap *heap;
  void *block;
  GOOD(oth_heap_create(1 << 16, 0, &heap));
  GOOD(oth_heap_alloc(heap, 0, 1, &block));
  CHECK(block != NULL);
  REFUSED(oth_heap_alloc(heap, SIZE_MAX, 1, &block), OTH_CODE_NO_MEMORY, ENOMEM, "no room");
  CHECK(block == NULL);
  REFUSED(oth_heap_alloc(heap, 1 << 16, 1, &block), OTH_CODE_NO_MEMORY, ENOMEM,
          "65536 bytes requested, largest free block");
  const uint32_t bad[] = {0x7FFF, 0xBFFF, 0xC000, 0xFFFF, 0x10000, 0x80003FFF, 0xFFFFFFFF};
  oth_heap_freed freed;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    REFUSED(oth_heap_alloc(heap, 8, bad[i], &block), OTH_CODE_INVALID, EINVAL, "tag");
    REFUSED(oth_heap_free_tags(heap, bad[i], 1, &freed), OTH_CODE_INVALID, EINVAL, "tag");
    REFUSED(oth_heap_free_tags(heap, 1, bad[i], &freed), OTH_CODE_INVALID, EINVAL, "tag");
  }
  REFUSED(oth_heap_free_tags(heap, 2, 1, &freed), OTH_CODE_INVALID, EINVAL, "reversed");
  REFUSED(oth_heap_free_tags(heap, 1, 0x8001, &freed), OTH_CODE_INVALID, EINVAL, "crosses sides");
  GOOD(oth_heap_destroy(heap));

  REFUSED(oth_heap_create(0, 0, &heap), OTH_CODE_INVALID, EINVAL, "bytes is 0");
  REFUSED(oth_heap_create(SIZE_MAX, 0, &heap), OTH_CODE_NO_MEMORY, ENOMEM, "refused");
  CHECK(heap == NULL);
  REFUSED(oth_heap_create(1 << 16, 4, &heap), OTH_CODE_INVALID, EINVAL, "flags is 4");
}

static void pointers_are_checked(void) {
  oth_heap *heap, *other;
  void *block, *foreign, *kept;
  int local;
  GOOD(oth_heap_create(1 << 16, 0, &heap));
  GOOD(oth_heap_create(1 << 16, 0, &other));
  GOOD(oth_heap_alloc(heap, 100, 1, &block));
  GOOD(oth_heap_alloc(heap, 100, 1, &kept));
  GOOD(oth_heap_alloc(other, 100, 1, &foreign));
  REFUSED(oth_heap_free(heap, foreign, NULL), OTH_CODE_POINTER, EINVAL, "outside of this heap");
  REFUSED(oth_heap_free(heap, &local, NULL), OTH_CODE_POINTER, EINVAL, "outside of this heap");
  REFUSED(oth_heap_free(heap, TO(char *, block) + 4, NULL), OTH_CODE_POINTER, EINVAL, "inside the block");
  void *inside = TO(char *, block) + 1;
  REFUSED(oth_heap_realloc(heap, &inside, 10), OTH_CODE_POINTER, EINVAL, "inside the block");
  CHECK(inside == TO(char *, block) + 1);
  GOOD(oth_heap_free(heap, block, NULL));
  size_t recovered = 1;
  REFUSED(oth_heap_free(heap, block, &recovered), OTH_CODE_POINTER, EINVAL, "double free");
  CHECK(recovered == 0);
  REFUSED(oth_heap_realloc(heap, &block, 10), OTH_CODE_POINTER, EINVAL, "double free");
  block = kept;
  REFUSED(oth_heap_realloc(heap, &block, 1 << 20), OTH_CODE_NO_MEMORY, ENOMEM, "no room");
  REFUSED(oth_heap_realloc(heap, &block, 0), OTH_CODE_INVALID, EINVAL, "free the block instead");
  CHECK(block == kept);
  GOOD(oth_heap_free(heap, NULL, NULL));
  GOOD(oth_heap_destroy(heap));
  GOOD(oth_heap_destroy(other));
}

static void an_overflow_is_named_where_canaries_stand(void) {
  oth_heap *heap;
  void *block;
  GOOD(oth_heap_create(1 << 16, OTH_HEAP_CANARIES, &heap));
  GOOD(oth_heap_alloc(heap, 24, 7, &block));
  memset(block, 'x', 25);
  REFUSED(oth_heap_check(heap), OTH_CODE_DAMAGED, EINVAL, "canary byte 0 is 0x78");
  REFUSED(oth_heap_free(heap, block, NULL), OTH_CODE_DAMAGED, EINVAL, "overflow");
  GOOD(oth_heap_destroy(heap));
}

static void a_heap_does_without_a_table(void) {
  oth_heap *heaps[2];
  void *blocks[2][64];
  size_t freed;
  oth_heap_stats_t stats[2];
  GOOD(oth_heap_create(1 << 16, 0, &heaps[0]));
  GOOD(oth_heap_create(1 << 16, OTH_HEAP_NO_TABLE | OTH_HEAP_CANARIES, &heaps[1]));
  for (int i = 0; i < 2; i++) {
    for (int n = 0; n < 64; n++) GOOD(oth_heap_alloc(heaps[i], 40, 7, &blocks[i][n]));
    for (int n = 0; n < 64; n += 2) GOOD(oth_heap_free(heaps[i], blocks[i][n], &freed));
    REFUSED(oth_heap_free(heaps[i], blocks[i][0], &freed), OTH_CODE_POINTER, EINVAL, "double free");
    GOOD(oth_heap_check(heaps[i]));
    GOOD(oth_heap_stats(heaps[i], &stats[i]));
  }
  CHECK(stats[0].live == stats[1].live && stats[0].holes == stats[1].holes);
  CHECK(stats[0].capacity < stats[1].capacity);
  for (int i = 0; i < 2; i++) GOOD(oth_heap_destroy(heaps[i]));
}

static void refused_everywhere(oth_heap *heap, oth_code code, int number, const char *words) {
  void *block = &block;
  char *text;
  oth_heap_freed freed;
  oth_heap_moved moved;
  oth_heap_stats_t stats;
  REFUSED(oth_heap_alloc(heap, 8, 1, &block), code, number, words);
  CHECK(block == NULL);
  block = &block;
  REFUSED(oth_heap_realloc(heap, &block, 8), code, number, words);
  REFUSED(oth_heap_free(heap, block, NULL), code, number, words);
  REFUSED(oth_heap_free_tags(heap, 1, 2, &freed), code, number, words);
  REFUSED(oth_heap_defrag(heap, move_none, NULL, &moved), code, number, words);
  REFUSED(oth_heap_stats(heap, &stats), code, number, words);
  REFUSED(oth_heap_check(heap), code, number, words);
  REFUSED(oth_heap_walk(heap, look, NULL), code, number, words);
  REFUSED(oth_heap_draw(heap, &text), code, number, words);
  if (heap != NULL) REFUSED(oth_heap_destroy(heap), code, number, words);
}

static void bad_handles_are_refused(void) {
  oth_heap *heap, *next;
  oth_arena *arena;
  refused_everywhere(NULL, OTH_CODE_NULL, EINVAL, "the handle is NULL, where an oth_heap belongs");
  GOOD(oth_heap_destroy(NULL));
  GOOD(oth_heap_create(1 << 16, 0, &heap));
  GOOD(oth_heap_destroy(heap));
  GOOD(oth_heap_create(1 << 16, 0, &next));
  refused_everywhere(heap, OTH_CODE_DESTROYED, EINVAL, "was destroyed");
  GOOD(oth_heap_destroy(next));
  GOOD(oth_arena_create(4096, &arena));
  refused_everywhere(TO(oth_heap *, TO(void *, arena)), OTH_CODE_WRONG_KIND, EINVAL,
                     "the handle is of an oth_arena, where an oth_heap belongs");
  GOOD(oth_arena_destroy(arena));
  refused_everywhere(FAKE(oth_heap *, 0x1234), OTH_CODE_NO_HANDLE, EINVAL, "0x1234 is no handle");
}

static void null_arguments_are_refused(void) {
  oth_heap *heap;
  void *null = NULL;
  oth_heap_moved moved;
  REFUSED(oth_heap_create(1 << 16, 0, NULL), OTH_CODE_NULL, EINVAL, "heap is NULL");
  GOOD(oth_heap_create(1 << 16, 0, &heap));
  REFUSED(oth_heap_alloc(heap, 8, 1, NULL), OTH_CODE_NULL, EINVAL, "payload is NULL");
  REFUSED(oth_heap_realloc(heap, NULL, 8), OTH_CODE_NULL, EINVAL, "payload is NULL");
  REFUSED(oth_heap_realloc(heap, &null, 8), OTH_CODE_NULL, EINVAL, "*payload is NULL");
  REFUSED(oth_heap_free_tags(heap, 1, 2, NULL), OTH_CODE_NULL, EINVAL, "freed is NULL");
  REFUSED(oth_heap_defrag(heap, NULL, NULL, &moved), OTH_CODE_NULL, EINVAL, "may_move is NULL");
  REFUSED(oth_heap_defrag(heap, move_all, NULL, NULL), OTH_CODE_NULL, EINVAL, "moved is NULL");
  REFUSED(oth_heap_stats(heap, NULL), OTH_CODE_NULL, EINVAL, "stats is NULL");
  REFUSED(oth_heap_walk(heap, NULL, NULL), OTH_CODE_NULL, EINVAL, "visit is NULL");
  REFUSED(oth_heap_draw(heap, NULL), OTH_CODE_NULL, EINVAL, "drawing is NULL");
  GOOD(oth_heap_destroy(heap));
}

static int32_t reenter(void *context, uint16_t tag, void *proposed) {
  (void)tag;
  (void)proposed;
  refused_everywhere(TO(oth_heap *, context), OTH_CODE_BUSY, EBUSY, "is in use");
  return 1;
}

static void reenter_by_walk(void *context, const oth_heap_block *block) {
  (void)block;
  refused_everywhere(TO(oth_heap *, context), OTH_CODE_BUSY, EBUSY, "is in use");
}

static void callbacks_cannot_reenter(void) {
  oth_heap *heap;
  void *a, *b;
  oth_heap_moved moved;
  GOOD(oth_heap_create(1 << 16, 0, &heap));
  GOOD(oth_heap_alloc(heap, 16, 1, &a));
  GOOD(oth_heap_alloc(heap, 16, 1, &b));
  GOOD(oth_heap_free(heap, a, NULL));
  GOOD(oth_heap_defrag(heap, reenter, heap, &moved));
  CHECK(moved.moves == 1);
  GOOD(oth_heap_walk(heap, reenter_by_walk, heap));
  GOOD(oth_heap_destroy(heap));
}

int main(void) {
  blocks_live_move_and_die();
  sizes_and_tags_are_read_or_refused();
  pointers_are_checked();
  an_overflow_is_named_where_canaries_stand();
  a_heap_does_without_a_table();
  bad_handles_are_refused();
  null_arguments_are_refused();
  callbacks_cannot_reenter();
  puts("heap: all good");
  return 0;
}
