/* The arena of the lesson, by its names.
 *
 * Made from lesson.rs by `cargo xtask headers`: change it there. */

#ifndef OTH_ARENA_LESSON_H
#define OTH_ARENA_LESSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "oth.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Map `capacity` bytes, all zero, and put their address into `*base`; on failure NULL.
 *
 * Any thread.
 *
 * Fails with `OTH_CODE_INVALID` for a capacity of 0, and with `OTH_CODE_NO_MEMORY`.
 *
 * The caller sees to it:
 * `base` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_lesson_map(size_t capacity, void **base);

/**
 * Unmap what `oth_lesson_map` mapped. NULL is accepted; any other address that it did not return,
 * or that was unmapped before, is refused with `OTH_CODE_POINTER`.
 *
 * Any thread.
 *
 * The caller sees to it:
 * Nobody uses the bytes again.
 */
OTH_MUST_USE
oth_result oth_lesson_unmap(void *base);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/* The lesson: you allocate, you track the offset, you control the lifetime. A `main` written for
 * it compiles as it is. All of it is inline, so nothing named arena_ is linked. */

#ifndef ARENA_SIZE
#define ARENA_SIZE 4096
#endif

#ifndef BLOCK_SIZE
#define BLOCK_SIZE 64
#endif

typedef struct s_arena {
  /** The first byte; NULL before arena_init and after arena_free. */
  char *base;
  /** Where the next block begins, in bytes from base. */
  size_t offset;
  /** How many bytes there are. */
  size_t capacity;
} t_arena;

/** Map the memory of an arena; print why and exit if that fails. */
static inline void oth_lesson_init(t_arena *arena, size_t capacity) {
  void *base = NULL;
  oth_result result = oth_lesson_map(capacity, &base);
  if (result.code != OTH_CODE_OK) {
    fprintf(stderr, "arena_init: %s\n", result.message == NULL ? "failed" : result.message);
    oth_text_free(result.message);
    exit(EXIT_FAILURE);
  }
  arena->base = (char *)base;
  arena->offset = 0;
  arena->capacity = capacity;
}

/* arena_init(&arena) maps ARENA_SIZE bytes, arena_init(&arena, capacity) as many as it says. */
#ifdef __cplusplus
static inline void arena_init(t_arena *arena, size_t capacity = ARENA_SIZE) {
  oth_lesson_init(arena, capacity);
}
#else
static inline void oth_lesson_init_default(t_arena *arena) {
  oth_lesson_init(arena, ARENA_SIZE);
}
#define OTH_LESSON_THIRD(first, second, third, ...) third
#define arena_init(...)                                                                  \
  OTH_LESSON_THIRD(__VA_ARGS__, oth_lesson_init, oth_lesson_init_default, 0)(__VA_ARGS__)
#endif

/** Hand out the next `size` bytes; NULL, and a line on standard error, if they are not left. */
static inline void *arena_alloc(t_arena *arena, size_t size) {
  char *block;
  /* Compared with the room that is left: the sum offset + size could wrap around. */
  if (arena->base == NULL || size > arena->capacity - arena->offset) {
    fprintf(stderr, "arena_alloc: %zu bytes requested, %zu of %zu used\n", size, arena->offset,
            arena->capacity);
    return NULL;
  }
  block = arena->base + arena->offset;
  arena->offset += size;
  return block;
}

/** Print the used bytes, BLOCK_SIZE a line, dots for what is not printable. */
static inline void arena_dump(const t_arena *arena) {
  size_t at;
  for (at = 0; at < arena->offset; at++) {
    unsigned char byte = (unsigned char)arena->base[at];
    if (at % BLOCK_SIZE == 0) printf("%8zu  ", at);
    putchar(byte >= ' ' && byte <= '~' ? byte : '.');
    if ((at + 1) % BLOCK_SIZE == 0 || at + 1 == arena->offset) putchar('\n');
  }
}

/** Unmap the memory: every block is gone. Print why and exit if it was not this arena's. */
static inline void arena_free(t_arena *arena) {
  oth_result result = oth_lesson_unmap(arena->base);
  if (result.code != OTH_CODE_OK) {
    fprintf(stderr, "arena_free: %s\n", result.message == NULL ? "failed" : result.message);
    oth_text_free(result.message);
    exit(EXIT_FAILURE);
  }
  arena->base = NULL;
  arena->offset = 0;
  arena->capacity = 0;
}

#endif  /* OTH_ARENA_LESSON_H */
