// Tries until it succeeds.
// expect obtain K=1 masked
// expect obtain K=3 masked
// budget obtain never gives up: spins
#include <stdio.h>
#include <stdlib.h>

static void *obtain(size_t size) {
    void *block;
    do block = malloc(size); while (!block);
    return block;
}

int main(void) {
    free(obtain(100));
    puts("done");
    return 0;
}
