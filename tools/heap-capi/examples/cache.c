/* A tagged heap: a level dies by its tag, and the cache is moved together. */

#include <stdio.h>
#include <string.h>

#include "tagheap.h"

enum { CACHE = 1, LEVEL = 0x8001 };

static uint8_t *sprite;

/* Whoever keeps an address changes it before the block moves. */
static bool move(short tag, uint8_t *proposed) {
  (void)tag;
  sprite = proposed;
  return true;
}

int main(void) {
  uint8_t *old, *map;
  TH_init();
  old = TH_alloc(1000, CACHE);
  sprite = TH_alloc(1000, CACHE);
  map = TH_alloc(4000, LEVEL);
  if (old == NULL || sprite == NULL || map == NULL) return 1;
  strcpy((char *)sprite, "still here");
  printf("%d bytes free for caches\n", TH_countfreehead());
  TH_free(old);
  TH_defrag(move);
  printf("the sprite has moved, and is %s\n", (char *)sprite);
  TH_freetags(LEVEL, LEVEL);
  printf("%d bytes free for caches\n", TH_countfreehead());
  return TH_checkhealth_verbose() ? 0 : 1;
}
