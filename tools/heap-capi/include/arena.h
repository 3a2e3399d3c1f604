/* Arenas: blocks from one range of memory, given up all at once.
 *
 * Made from arena.rs by `cargo xtask headers`: change it there. */

#ifndef OTH_ARENA_H
#define OTH_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include "oth.h"

/**
 * An arena: one range of address space, handed out from its start, given up all at once.
 *
 * A handle is a number, not an address. One thread at a time may be in a call on an arena, any
 * thread; a second one is refused with `OTH_CODE_BUSY`.
 */
typedef struct oth_arena oth_arena;

/**
 * Where an arena stood; to be given back to `oth_arena_rewind` as it is.
 */
typedef struct oth_checkpoint {
  /**
   * Which arena.
   */
  uint64_t arena;
  /**
   * Which checkpoint of this arena.
   */
  uint64_t serial;
  /**
   * The bytes that were in use.
   */
  size_t used;
} oth_checkpoint;

/**
 * The numbers of an arena, in bytes.
 */
typedef struct oth_arena_stats_t {
  /**
   * Handed out, padding included.
   */
  size_t used;
  /**
   * The largest `used` ever.
   */
  size_t high_water_mark;
  /**
   * Usable without asking the system again.
   */
  size_t committed;
  /**
   * Allowed by `oth_arena_set_limit`.
   */
  size_t limit;
  /**
   * Reserved.
   */
  size_t capacity;
} oth_arena_stats_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Create an arena.
 *
 * `reserve` is how many bytes of address space it takes, rounded up to whole pages: they cost
 * nothing until they are used, and are all it will ever have. 0 takes 1 GiB, or less where the
 * process has little room. The handle goes to `*arena`; on failure NULL does.
 *
 * Any thread.
 *
 * Fails with `OTH_CODE_NULL`, and with `OTH_CODE_NO_MEMORY` where there is no such room.
 *
 * The caller sees to it:
 * `arena` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_arena_create(size_t reserve, struct oth_arena **arena);

/**
 * Destroy an arena, with every block in it. NULL is accepted.
 *
 * The handle is refused from then on, also when another arena has taken its place.
 *
 * Any thread, one at a time.
 */
OTH_MUST_USE
oth_result oth_arena_destroy(struct oth_arena *arena);

/**
 * Allocate a block of `size` bytes, and put its address into `*block`; on failure NULL.
 *
 * `align` is a power of two; 0 is an align that is enough for any type. A block of 0 bytes has an
 * address that is not to be touched. Fresh bytes are zero where the arena never was before, and
 * anything elsewhere. The block is good until the arena is rewound below it, reset or destroyed;
 * it is not freed by itself, and never with `free`.
 *
 * Any thread, one at a time.
 *
 * Fails with `OTH_CODE_NO_MEMORY` (errno is ENOMEM) when the arena is exhausted; it is as before.
 *
 * The caller sees to it:
 * `block` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_arena_alloc(struct oth_arena *arena, size_t size, size_t align, void **block);

/**
 * Allocate a block of `size` bytes, all of them zero; otherwise as `oth_arena_alloc`.
 *
 * The caller sees to it:
 * `block` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_arena_alloc_zeroed(struct oth_arena *arena, size_t size, size_t align, void **block);

/**
 * Copy a text with its NUL into the arena, and put the copy's address into `*copy`.
 *
 * At most `bound` bytes are looked at; without a NUL among them this fails with
 * `OTH_CODE_INVALID`, and nothing is copied.
 *
 * Any thread, one at a time. Fails as `oth_arena_alloc`, too.
 *
 * The caller sees to it:
 * `text` is NULL, or can be read up to its NUL or for `bound` bytes; `copy` is NULL or can be
 * written to.
 */
OTH_MUST_USE
oth_result oth_arena_copy_text(struct oth_arena *arena,
                               const char *text,
                               size_t bound,
                               char **copy);

/**
 * Remember where the arena stands, in `*checkpoint`.
 *
 * Any thread, one at a time. Two checkpoints without an allocation between them are the same one.
 *
 * The caller sees to it:
 * `checkpoint` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_arena_checkpoint(struct oth_arena *arena, struct oth_checkpoint *checkpoint);

/**
 * Go back to a checkpoint: every block allocated since is given up.
 *
 * The checkpoint may be used again. Those taken after it are void: using one is refused with
 * `OTH_CODE_CHECKPOINT`, and so is one of another arena, or one from before a reset.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * No block allocated since is used again.
 */
OTH_MUST_USE
oth_result oth_arena_rewind(struct oth_arena *arena, struct oth_checkpoint checkpoint);

/**
 * Empty the arena and keep its memory: every block is given up, every checkpoint is void.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * No block of the arena is used again.
 */
OTH_MUST_USE
oth_result oth_arena_reset(struct oth_arena *arena);

/**
 * Let blocks take so many bytes at most, padding included; more than the capacity is all of it.
 *
 * Set below what is in use, it takes nothing away: nothing more is handed out.
 *
 * Any thread, one at a time.
 */
OTH_MUST_USE
oth_result oth_arena_set_limit(struct oth_arena *arena, size_t bytes);

/**
 * Put the arena's numbers into `*stats`.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * `stats` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_arena_stats(struct oth_arena *arena, struct oth_arena_stats_t *stats);

/**
 * Print the used bytes as text, 64 a line, dots for what is not printable, into `*dump`.
 *
 * The text belongs to the caller, who frees it with `oth_text_free`; on failure it is NULL.
 *
 * Any thread, one at a time, and none that writes to a block of the arena.
 *
 * The caller sees to it:
 * `dump` is NULL or can be written to; nobody writes to a block of the arena meanwhile.
 */
OTH_MUST_USE
oth_result oth_arena_dump(struct oth_arena *arena, char **dump);

/**
 * Print the used bytes as numbers and text, 16 a line, into `*dump`; otherwise as
 * `oth_arena_dump`.
 *
 * The caller sees to it:
 * As `oth_arena_dump`.
 */
OTH_MUST_USE
oth_result oth_arena_dump_hex(struct oth_arena *arena, char **dump);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OTH_ARENA_H */
