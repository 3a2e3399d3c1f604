/* Threads: an arena each, one passed on under a lock, and objects that all of them push at. */

#include <pthread.h>

#include "arena.h"
#include "check.h"
#include "heap.h"
#include "tagheap.h"

#define THREADS 4
#define ROUNDS 200

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static oth_arena *shared;
static int busy[THREADS], done[THREADS];

static void *an_arena_of_its_own(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    oth_arena *arena;
    void *block;
    GOOD(oth_arena_create(4096, &arena));
    GOOD(oth_arena_alloc(arena, 100, 8, &block));
    memset(block, i, 100);
    GOOD(oth_arena_destroy(arena));
  }
  return NULL;
}

static void *a_shared_arena_under_a_lock(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    void *block;
    pthread_mutex_lock(&lock);
    GOOD(oth_arena_alloc(shared, 16, 8, &block));
    pthread_mutex_unlock(&lock);
    memset(block, i, 16);
  }
  return NULL;
}

/* What the header forbids: each call is served or refused, and nothing else happens. */
static void *a_shared_arena_without_one(void *number) {
  int mine = *TO(int *, number);
  for (int i = 0; i < ROUNDS; i++) {
    void *block;
    errno = QUIET;
    oth_result result = oth_arena_alloc(shared, 16, 8, &block);
    if (result.code == OTH_CODE_BUSY) {
      CHECK(errno == EBUSY && block == NULL);
      busy[mine]++;
    } else {
      CHECK(result.code == OTH_CODE_OK && errno == QUIET);
      memset(block, i, 16);
      done[mine]++;
    }
    oth_text_free(result.message);
  }
  return NULL;
}

static oth_heap *shared_heap;

static void *a_shared_heap_without_a_lock(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    void *block;
    errno = QUIET;
    oth_result result = oth_heap_alloc(shared_heap, 16, 1, &block);
    CHECK(result.code == OTH_CODE_BUSY ? errno == EBUSY && block == NULL
                                       : result.code == OTH_CODE_OK && errno == QUIET);
    if (result.code == OTH_CODE_OK) memset(block, i, 16);
    oth_text_free(result.message);
  }
  return NULL;
}

static void *the_one_heap_without_a_lock(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    errno = QUIET;
    uint8_t *block = TH_alloc(16, 1);
    CHECK(block == NULL ? errno == EBUSY : errno == QUIET);
    if (block != NULL) memset(block, i, 16);
    errno = QUIET;
    CHECK(TH_countfreehead() > 0 || errno == EBUSY);
  }
  return NULL;
}

static void on_all_threads(void *(*body)(void *)) {
  pthread_t threads[THREADS];
  static int numbers[THREADS];
  for (int i = 0; i < THREADS; i++) {
    numbers[i] = i;
    CHECK(pthread_create(&threads[i], NULL, body, &numbers[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int count, char **arguments) {
  oth_arena_stats_t stats;
  size_t served = 0;
  /* For tools that see no order in atomics: only what locks order. */
  int only_locked = count > 1 && strcmp(arguments[1], "only-locked") == 0;
  on_all_threads(an_arena_of_its_own);
  GOOD(oth_arena_create(1 << 20, &shared));
  on_all_threads(a_shared_arena_under_a_lock);
  GOOD(oth_arena_stats(shared, &stats));
  CHECK(stats.used >= THREADS * ROUNDS * 16);
  GOOD(oth_arena_reset(shared));
  if (!only_locked) on_all_threads(a_shared_arena_without_one);
  GOOD(oth_heap_create(1 << 16, 0, &shared_heap));
  TH_init();
  if (!only_locked) on_all_threads(a_shared_heap_without_a_lock);
  if (!only_locked) on_all_threads(the_one_heap_without_a_lock);
  GOOD(oth_heap_check(shared_heap));
  GOOD(oth_heap_destroy(shared_heap));
  char *report;
  CHECK(oth_th_checkhealth(&report) == 1);
  oth_text_free(report);
  for (int i = 0; i < THREADS; i++) {
    CHECK(only_locked || busy[i] + done[i] == ROUNDS);
    served += TO(size_t, done[i]);
  }
  GOOD(oth_arena_stats(shared, &stats));
  CHECK((only_locked || served > 0) && stats.used >= served * 16);
  GOOD(oth_arena_destroy(shared));
  puts("threads: all good");
  return 0;
}
