// Gives up after three tries.
// expect obtain K=1 masked
// expect obtain K=2 masked
// expect obtain K=3 propagated
// budget obtain gives up after 3: propagated
#include <stdio.h>
#include <stdlib.h>

static void *obtain(size_t size) {
    void *block = NULL;
    for (int tries = 0; tries < 3 && !block; tries++) block = malloc(size);
    return block;
}

int main(void) {
    void *block = obtain(100);
    if (!block) return 1;
    free(block);
    puts("done");
    return 0;
}
