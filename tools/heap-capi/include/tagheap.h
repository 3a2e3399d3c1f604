/* The tagged heap of the source, by its names: one heap, the TH_ functions.
 *
 * Made from th.rs by `cargo xtask headers`: change it there. */

#ifndef OTH_TAGHEAP_H
#define OTH_TAGHEAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include "heap.h"

/**
 * Says whether a block may move to an address: 0 is a veto. It must return, and not by `longjmp`
 * or an exception; calls on the heap are refused meanwhile, with errno EBUSY.
 */
typedef int32_t (*oth_th_move)(void *context, int16_t tag, uint8_t *proposed);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * `TH_init`: make the heap, of 300,000 bytes, or make it anew: all blocks are gone then.
 *
 * Any thread, one at a time. errno says ENOMEM if there is no memory for it.
 */
void oth_th_init(void);

/**
 * `TH_alloc`: allocate a block; 0 bytes are treated as 1. NULL if there is no room (errno is
 * ENOMEM; so it is for a negative size), for a bad tag, and before `TH_init` (EINVAL).
 *
 * `tag` is 0 to 0x3FFF for HEAD; TAIL n is 0x4000 + n, 0x8000 + n or 0x80000000 + n, up to
 * n = 0x3FFE.
 *
 * Any thread, one at a time; EBUSY tells a second one.
 */
uint8_t *oth_th_alloc(int bytesize, uint32_t tag);

/**
 * `TH_realloc`: resize a block, and return where it is now. NULL stays NULL; a size of 0 or less
 * frees the block and gives NULL. NULL with errno ENOMEM: no room, and the block is as it was;
 * with EINVAL: not a block.
 *
 * Any thread, one at a time; EBUSY tells a second one.
 *
 * The caller sees to it:
 * When this succeeds, the old address is not used again.
 */
uint8_t *oth_th_realloc(uint8_t *p, int bytesize);

/**
 * `TH_free`: free a block, and return the bytes recovered: the payload, and 24 for each header
 * that a merge removed. 0 for NULL, and with errno EINVAL for what is no block.
 *
 * Any thread, one at a time; EBUSY tells a second one.
 *
 * The caller sees to it:
 * The block is not used again.
 */
int oth_th_free(uint8_t *p);

/**
 * `TH_freetags`: free every block with a tag from `low` to `high`, both included. A bad tag, and
 * a range that is reversed or crosses sides, frees nothing: errno is EINVAL.
 *
 * Any thread, one at a time; EBUSY tells a second one.
 *
 * The caller sees to it:
 * None of these blocks is used again.
 */
void oth_th_freetags(uint32_t low, uint32_t high);

/**
 * `TH_defrag`: offer each HEAD block above free space its new address, and move it unless `move`
 * returns 0.
 *
 * Any thread, one at a time; EBUSY tells a second one.
 *
 * The caller sees to it:
 * `may_move` is NULL (errno is EINVAL) or a function of this type that can be called with
 * `context`; nobody uses the old address of a block that has moved.
 */
void oth_th_defrag(oth_th_move may_move, void *context);

/**
 * `TH_countfreehead`: return the bytes in free blocks below the lowest TAIL block.
 *
 * Any thread, one at a time; EBUSY tells a second one, and 0 is returned.
 */
int oth_th_countfreehead(void);

/**
 * What `TH_checkhealth_verbose` prints: return 1 if the heap is healthy, 0 if not, and put what
 * was found, a line for each block, into `*report`, which the caller frees with `oth_text_free`.
 *
 * Any thread, one at a time; EBUSY tells a second one. `*report` is NULL then.
 *
 * The caller sees to it:
 * `report` is NULL (errno is EINVAL) or can be written to.
 */
int32_t oth_th_checkhealth(char **report);

/**
 * Show every block to `visit`, from the bottom up, the empty one at the end included.
 *
 * Any thread, one at a time; EBUSY tells a second one.
 *
 * The caller sees to it:
 * `visit` is NULL (errno is EINVAL) or a function of this type that can be called with `context`.
 */
void oth_th_walk(oth_visit visit, void *context);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/* The names of the source. They are inline, so nothing named TH_ is linked. */

static inline void TH_init(void) {
  oth_th_init();
}

static inline uint8_t *TH_alloc(int bytesize, uint32_t tag) {
  return oth_th_alloc(bytesize, tag);
}

static inline uint8_t *TH_realloc(uint8_t *p, int bytesize) {
  return oth_th_realloc(p, bytesize);
}

static inline int TH_free(uint8_t *p) {
  return oth_th_free(p);
}

static inline void TH_freetags(uint32_t low, uint32_t high) {
  oth_th_freetags(low, high);
}

/** Calls the function of the source's type that `context` points at. */
static inline int32_t oth_th_ask(void *context, int16_t tag, uint8_t *proposed) {
  bool (**move)(short, uint8_t *) = (bool (**)(short, uint8_t *))context;
  return (*move)(tag, proposed) ? 1 : 0;
}

static inline void TH_defrag(bool (*move)(short tag, uint8_t *proposed)) {
  oth_th_defrag(move == NULL ? NULL : oth_th_ask, &move);
}

static inline int TH_countfreehead(void) {
  return oth_th_countfreehead();
}

/** Check the heap, and print what was found to standard output, a line for each block. */
static inline bool TH_checkhealth_verbose(void) {
  char *report = NULL;
  bool healthy = oth_th_checkhealth(&report) != 0;
  if (report != NULL) fputs(report, stdout);
  oth_text_free(report);
  return healthy;
}

/** Show every block to `visit`, from the bottom up, the empty one at the end included. */
static inline void TH_walk(oth_visit visit, void *context) {
  oth_th_walk(visit, context);
}

#endif  /* OTH_TAGHEAP_H */
