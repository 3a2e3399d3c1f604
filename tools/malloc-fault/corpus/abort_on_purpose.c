// Gives up at once, on purpose.
// expect xmalloc K=1 aborted
#include <stdio.h>
#include <stdlib.h>

static void *xmalloc(size_t size) {
    void *block = malloc(size);
    if (!block) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return block;
}

int main(void) {
    free(xmalloc(10));
    puts("done");
    return 0;
}
