// Empties its cache when there is no memory, and tries again: right under a ceiling.
// arguments --shape ceiling
// expect obtain K=1 masked
// expect obtain K=2 propagated
#include <stdio.h>
#include <stdlib.h>

static void *cache;

static void *obtain(size_t size) {
    void *block = malloc(size);
    if (block) return block;
    free(cache);
    cache = NULL;
    return malloc(size);
}

int main(void) {
    cache = malloc(50000);
    void *block = obtain(40000);
    if (!block) return 1;
    free(block);
    free(cache);
    fputs("done\n", stderr);
    return 0;
}
