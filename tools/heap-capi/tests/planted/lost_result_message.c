/* A call fails, and nobody frees its message. */
#include "planted.h"

PLANTED lose(void) {
  oth_result result = oth_arena_reset(NULL);
  if (result.code == OTH_CODE_OK) abort();
}

int main(void) {
  lose();
  wipe();
  return 0;
}
