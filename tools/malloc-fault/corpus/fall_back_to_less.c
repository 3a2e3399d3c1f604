// Takes a smaller buffer if there is no room for the large one.
// expect large K=1 fell%back
// expect large K=2 propagated
#include <stdio.h>
#include <stdlib.h>

static void *large(void) { return malloc(1 << 20); }
static void *small(void) { return malloc(1 << 10); }

int main(void) {
    void *buffer = large();
    if (!buffer) buffer = small();
    if (!buffer) return 1;
    free(buffer);
    puts("done");
    return 0;
}
