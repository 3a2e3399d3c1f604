// Tries a cache twice, and does without: a failed retry masks nothing.
// expect make_cache K=1 masked
// expect make_cache K=2 swallowed
// budget make_cache gives up after 2: swallowed
#include <stdlib.h>
#include <unistd.h>

static void *make_cache(void) {
    void *cache = malloc(100);
    return cache ? cache : malloc(100);
}

int main(void) {
    free(make_cache());
    return write(1, "done\n", 5) != 5;
}
