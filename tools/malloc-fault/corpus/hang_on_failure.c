// Waits for memory that nobody frees.
// arguments --timeout 0.5
// expect obtain K=1 hung
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *obtain(void) {
    void *block = malloc(100);
    if (!block) for (;;) pause();
    return block;
}

int main(void) {
    free(obtain());
    puts("done");
    return 0;
}
