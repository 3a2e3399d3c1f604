/* Tagged heaps: two sides, lifetimes by tag, defragmentation that asks.
 *
 * Made from heap.rs by `cargo xtask headers`: change it there. */

#ifndef OTH_HEAP_H
#define OTH_HEAP_H

#include <stddef.h>
#include <stdint.h>
#include "oth.h"

/**
 * For `flags` of `oth_heap_create`: eight known bytes behind each block, looked at when it is
 * freed or resized and when the heap is checked; an overflow is `OTH_CODE_DAMAGED` then.
 */
#define OTH_HEAP_CANARIES 1

/**
 * For `flags` of `oth_heap_create`: no table for the index, which takes about 1/48 of the heap. Blocks are
 * placed alike, and take longer to be; to look at a pointer takes a step for each live block between it and
 * the nearest free one.
 */
#define OTH_HEAP_NO_TABLE 2

/**
 * A tagged heap: HEAD blocks from the bottom up, TAIL blocks from the top down.
 *
 * A handle is a number, not an address. One thread at a time may be in a call on a heap, any
 * thread; a second one, and a call from within a callback of the same heap, is refused with
 * `OTH_CODE_BUSY`.
 */
typedef struct oth_heap oth_heap;

/**
 * What freeing whole tags gave back.
 */
typedef struct oth_heap_freed {
  /**
   * How many blocks were freed.
   */
  size_t blocks;
  /**
   * Their bytes, and 24 for each header that is gone.
   */
  size_t bytes;
} oth_heap_freed;

/**
 * Says whether a block may move to an address: 0 is a veto. It must return, and not by `longjmp`
 * or an exception; calls on the same heap are refused meanwhile.
 */
typedef int32_t (*oth_may_move)(void *context, uint16_t tag, void *proposed);

/**
 * What a defragmentation did.
 */
typedef struct oth_heap_moved {
  /**
   * How many blocks were moved.
   */
  size_t moves;
  /**
   * The bytes in them.
   */
  size_t bytes;
  /**
   * How many moves the callback vetoed.
   */
  size_t vetoes;
  /**
   * The largest free block before, in bytes.
   */
  size_t largest_free_before;
  /**
   * The largest free block after, in bytes.
   */
  size_t largest_free_after;
} oth_heap_moved;

/**
 * The numbers of a heap, in bytes unless it says otherwise.
 */
typedef struct oth_heap_stats_t {
  /**
   * All blocks with their headers.
   */
  size_t capacity;
  /**
   * How many blocks are live.
   */
  size_t live;
  /**
   * Free, headers not counted.
   */
  size_t free;
  /**
   * Free below the lowest TAIL block: what HEAD can have.
   */
  size_t free_head;
  /**
   * The largest free block: what one request can have.
   */
  size_t largest_free;
  /**
   * How many free blocks lie among the blocks of one side.
   */
  size_t holes;
} oth_heap_stats_t;

/**
 * A block, as a walk sees it.
 */
typedef struct oth_heap_block {
  /**
   * The address of its payload.
   */
  uint8_t *payload;
  /**
   * Where its header is, in bytes from the start of the heap.
   */
  uint32_t offset;
  /**
   * The bytes of its payload.
   */
  uint32_t size;
  /**
   * The 15 bits of its tag: TAIL has bit 14; 0x7FFF is free.
   */
  uint16_t tag;
  /**
   * 1 if it is free, 0 if it is live.
   */
  uint8_t is_free;
} oth_heap_block;

/**
 * Is shown a block. It must return, and not by `longjmp` or an exception; calls on the same heap
 * are refused meanwhile.
 */
typedef void (*oth_visit)(void *context, const struct oth_heap_block *block);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Create a heap in `bytes` bytes of memory of its own, rounded up to whole pages; the index of
 * the heap takes about 1/48 of them, if it is a table. The handle goes to `*heap`; on failure NULL does.
 *
 * `flags` is 0, or the sum of `OTH_HEAP_CANARIES` and `OTH_HEAP_NO_TABLE`, or one of them.
 *
 * Any thread.
 *
 * The caller sees to it:
 * `heap` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_heap_create(size_t bytes,
                           uint32_t flags,
                           struct oth_heap **heap);

/**
 * Destroy a heap, with every block in it. NULL is accepted.
 *
 * The handle is refused from then on, also when another heap has taken its place.
 *
 * Any thread, one at a time.
 */
OTH_MUST_USE
oth_result oth_heap_destroy(struct oth_heap *heap);

/**
 * Allocate a block of `size` bytes under a tag, and put its address into `*payload`; on failure
 * NULL. 0 bytes are treated as 1. Blocks are aligned to 4 bytes.
 *
 * `tag` is 0 to 0x3FFF for HEAD; TAIL n is 0x4000 + n, 0x8000 + n or 0x80000000 + n, up to
 * n = 0x3FFE.
 *
 * Any thread, one at a time.
 *
 * Fails with `OTH_CODE_NO_MEMORY` (errno is ENOMEM) when no free block is large enough, and with
 * `OTH_CODE_INVALID` for a bad tag.
 *
 * The caller sees to it:
 * `payload` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_heap_alloc(struct oth_heap *heap, size_t size, uint32_t tag, void **payload);

/**
 * Resize a block: `*payload` is its address, and becomes its new one.
 *
 * On failure both `*payload` and the block are as they were. A `*payload` of NULL, and a size of
 * 0, fail with `OTH_CODE_NULL` and `OTH_CODE_INVALID`: there is `oth_heap_alloc` and
 * `oth_heap_free`.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * `payload` is NULL or can be read and written; when this succeeds, the old address is not used
 * again.
 */
OTH_MUST_USE
oth_result oth_heap_realloc(struct oth_heap *heap, void **payload, size_t size);

/**
 * Free a block. NULL is accepted.
 *
 * A pointer that is no payload of a live block, because it was freed, leads into a block or
 * elsewhere, is refused with `OTH_CODE_POINTER`; `recovered` may be NULL, and otherwise gets the
 * bytes that are free again: the payload, and 24 for each header that a merge removed.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * `recovered` is NULL or can be written to; the block is not used again.
 */
OTH_MUST_USE
oth_result oth_heap_free(struct oth_heap *heap, void *payload, size_t *recovered);

/**
 * Free every block with a tag from `low` to `high`, both included, both of one side; what that
 * gave back goes to `*freed`.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * `freed` is NULL or can be written to; none of these blocks is used again.
 */
OTH_MUST_USE
oth_result oth_heap_free_tags(struct oth_heap *heap,
                              uint32_t low,
                              uint32_t high,
                              struct oth_heap_freed *freed);

/**
 * Move HEAD blocks down over the free space below them, as far as `may_move` lets them; what was
 * done goes to `*moved`.
 *
 * `may_move` gets `context`, the tag, and the address that the payload would have; whoever keeps
 * the block's address has to change it before returning 1.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * `moved` is NULL or can be written to; `may_move` is NULL or a function of this type that can be
 * called with `context`; nobody uses the old address of a block that has moved.
 */
OTH_MUST_USE
oth_result oth_heap_defrag(struct oth_heap *heap,
                           oth_may_move may_move,
                           void *context,
                           struct oth_heap_moved *moved);

/**
 * Put the heap's numbers into `*stats`.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * `stats` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_heap_stats(struct oth_heap *heap, struct oth_heap_stats_t *stats);

/**
 * Check every header, link, index and canary: `OTH_CODE_DAMAGED` says what is wrong, and where.
 *
 * Any thread, one at a time.
 */
OTH_MUST_USE
oth_result oth_heap_check(struct oth_heap *heap);

/**
 * Show every block to `visit`, from the bottom up, the empty one at the end included.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * `visit` is NULL or a function of this type that can be called with `context`.
 */
OTH_MUST_USE
oth_result oth_heap_walk(struct oth_heap *heap, oth_visit visit, void *context);

/**
 * Draw the heap on one line into `*drawing`: `FIRST [1001 4dw] [FREE 74978dw] LAST`.
 *
 * The text belongs to the caller, who frees it with `oth_text_free`; on failure it is NULL.
 *
 * Any thread, one at a time.
 *
 * The caller sees to it:
 * `drawing` is NULL or can be written to.
 */
OTH_MUST_USE
oth_result oth_heap_draw(struct oth_heap *heap, char **drawing);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OTH_HEAP_H */
