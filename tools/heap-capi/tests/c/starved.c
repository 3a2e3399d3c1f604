/* Every function, where malloc may fail at any call: a refusal is a code and an errno, and harms nothing.
 *
 * `malloc-fault sweep` runs this once for each allocation that it makes, with that one failing. The
 * exit status is 3 if anything was refused. */

#include "arena.h"
#include "arena_lesson.h"
#include "check.h"
#include "heap.h"
#include "tagheap.h"

static int refusals;

/* Whether a call succeeded. It leaves errno alone then; else it is for want of memory, and for nothing
 * else. Its message may want for memory, too. */
static int done_at(int line, const char *call, oth_result result) {
  int after = errno;
  int done = result.code == OTH_CODE_OK && after == QUIET && result.message == NULL;
  int refused = result.code == OTH_CODE_NO_MEMORY && after == ENOMEM &&
                (result.message == NULL || strstr(result.message, "no memory for") != NULL);
  if (!done && !refused) {
    fprintf(stderr, "line %d: %s: code %d, errno %d, \"%s\"\n", line, call, TO(int, result.code), after,
            result.message == NULL ? "(nothing)" : result.message);
    exit(1);
  }
  refusals += refused;
  oth_text_free(result.message);
  return done;
}

#define DONE(call) (errno = QUIET, done_at(__LINE__, #call, call))

/* A call fails for a reason of its own; whether there is memory for the message or not. */
static void fails_at(int line, oth_result result, oth_code code, int number) {
  int after = errno;
  if (result.code != code || after != number) {
    fprintf(stderr, "line %d: code %d, errno %d\n", line, TO(int, result.code), after);
    exit(1);
  }
  refusals += result.message == NULL;
  oth_text_free(result.message);
}

#define FAILS(call, code, number) (errno = QUIET, fails_at(__LINE__, call, code, number))

static void arenas(void) {
  oth_arena *arena = FAKE(oth_arena *, 1);
  if (!DONE(oth_arena_create(1 << 16, &arena))) {
    CHECK(arena == NULL);
    return;
  }
  void *block;
  char *text = FAKE(char *, 1);
  oth_checkpoint start, later;
  oth_arena_stats_t stats;
  GOOD(oth_arena_alloc(arena, 40, 8, &block));
  memset(block, 'x', 40);
  int marked = DONE(oth_arena_checkpoint(arena, &start));
  GOOD(oth_arena_alloc_zeroed(arena, 40, 8, &block));
  GOOD(oth_arena_copy_text(arena, "kept", 5, &text));
  if (DONE(oth_arena_checkpoint(arena, &later))) GOOD(oth_arena_rewind(arena, later));
  if (marked) GOOD(oth_arena_rewind(arena, start));
  FAILS(oth_arena_alloc(arena, 1 << 20, 8, &block), OTH_CODE_NO_MEMORY, ENOMEM);
  text = FAKE(char *, 1);
  CHECK(DONE(oth_arena_dump(arena, &text)) ? strncmp(text, "xxxx", 4) == 0 : text == NULL);
  oth_text_free(text);
  text = FAKE(char *, 1);
  CHECK(DONE(oth_arena_dump_hex(arena, &text)) ? strstr(text, "78 78") != NULL : text == NULL);
  oth_text_free(text);
  GOOD(oth_arena_set_limit(arena, 1000));
  GOOD(oth_arena_stats(arena, &stats));
  CHECK(stats.limit == 1000 && stats.used >= 40);
  GOOD(oth_arena_reset(arena));
  GOOD(oth_arena_destroy(arena));
  FAILS(oth_arena_destroy(arena), OTH_CODE_DESTROYED, EINVAL);
}

/* More handles than the first part of their table has. */
static void many_arenas(void) {
  oth_arena *arenas[100];
  for (int i = 0; i < 100; i++) {
    arenas[i] = FAKE(oth_arena *, 1);
    CHECK(DONE(oth_arena_create(4096, &arenas[i])) || arenas[i] == NULL);
  }
  for (int i = 0; i < 100; i++) GOOD(oth_arena_destroy(arenas[i]));
}

static int32_t move(void *context, uint16_t tag, void *proposed) {
  (void)context;
  return tag == 2 && proposed != NULL;
}

static void look(void *context, const oth_heap_block *block) {
  *TO(size_t *, context) += block->size;
}

static void heaps(void) {
  oth_heap *heap = FAKE(oth_heap *, 1);
  if (!DONE(oth_heap_create(1 << 16, OTH_HEAP_CANARIES, &heap))) {
    CHECK(heap == NULL);
    return;
  }
  void *first, *second;
  char *drawing = FAKE(char *, 1);
  size_t seen = 0;
  oth_heap_moved moved;
  oth_heap_freed freed;
  oth_heap_stats_t stats;
  GOOD(oth_heap_alloc(heap, 100, 1, &first));
  GOOD(oth_heap_alloc(heap, 100, 2, &second));
  GOOD(oth_heap_realloc(heap, &first, 50));
  GOOD(oth_heap_free(heap, first, NULL));
  FAILS(oth_heap_free(heap, first, NULL), OTH_CODE_POINTER, EINVAL);
  GOOD(oth_heap_defrag(heap, move, NULL, &moved));
  CHECK(moved.moves == 1);
  GOOD(oth_heap_walk(heap, look, &seen));
  CHECK(DONE(oth_heap_draw(heap, &drawing)) ? strncmp(drawing, "FIRST", 5) == 0 : drawing == NULL);
  oth_text_free(drawing);
  GOOD(oth_heap_free_tags(heap, 1, 2, &freed));
  GOOD(oth_heap_stats(heap, &stats));
  CHECK(seen > 0 && freed.blocks == 1 && stats.live == 0);
  GOOD(oth_heap_check(heap));
  GOOD(oth_heap_destroy(heap));
}

static bool th_move(short tag, uint8_t *proposed) { return tag == 2 && proposed != NULL; }

static void the_heap_of_the_source(void) {
  errno = QUIET;
  TH_init();
  CHECK(errno == QUIET || errno == ENOMEM);
  refusals += errno == ENOMEM;
  if (errno == ENOMEM) return;
  uint8_t *first = TH_alloc(100, 1), *second = TH_alloc(100, 2);
  CHECK((first = TH_realloc(first, 50)) != NULL && second != NULL);
  CHECK(TH_free(first) != 0);
  TH_defrag(th_move);
  size_t seen = 0;
  TH_walk(look, &seen);
  TH_freetags(1, 2);
  CHECK(seen > 0 && TH_countfreehead() == 299952 && errno == QUIET);
  char *report = FAKE(char *, 1);
  int healthy = oth_th_checkhealth(&report);
  CHECK(healthy ? report != NULL && errno == QUIET : report == NULL && errno == ENOMEM);
  refusals += !healthy;
  oth_text_free(report);
}

static void lessons(void) {
  void *base = FAKE(void *, 1);
  if (!DONE(oth_lesson_map(4096, &base))) {
    CHECK(base == NULL);
    return;
  }
  FAILS(oth_lesson_unmap(TO(char *, base) + 1), OTH_CODE_POINTER, EINVAL);
  GOOD(oth_lesson_unmap(base));
}

int main(void) {
  /* Or puts would allocate a buffer, and say nothing when it cannot. */
  setvbuf(stdout, NULL, _IONBF, 0);
  arenas();
  many_arenas();
  heaps();
  the_heap_of_the_source();
  lessons();
  if (refusals != 0) {
    fprintf(stderr, "starved: %d refused\n", refusals);
    return 3;
  }
  puts("starved: all good");
  return 0;
}
