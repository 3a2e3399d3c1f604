// The classic: one failure tests nothing, two test the error path, which is fine.
// expect obtain K=1 masked
// expect obtain K=2 propagated
// budget obtain gives up after 2: propagated
#include <stdio.h>
#include <stdlib.h>

static void *obtain(void) {
    void *block = calloc(4, 25);
    return block ? block : calloc(4, 25);
}

int main(void) {
    void *block = obtain();
    if (!block) {
        fputs("no memory\n", stderr);
        return 3;
    }
    free(block);
    puts("done");
    return 0;
}
