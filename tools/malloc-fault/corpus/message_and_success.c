// Says so, and goes on: noticed, though the status is 0.
// expect make_cache K=1 propagated
#include <stdio.h>
#include <stdlib.h>

static void *make_cache(void) { return malloc(100); }

int main(void) {
    void *cache = make_cache();
    if (!cache) fputs("warning: no memory for the cache\n", stderr);
    free(cache);
    puts("done");
    return 0;
}
