// Gives up with a breakpoint, as GLib does: the signal comes when the instruction is done.
// expect obtain K=1 aborted
#include <stdlib.h>

static void *obtain(size_t size) {
    void *block = malloc(size);
    if (!block) __asm__ volatile("int3");
    return block;
}

int main(void) {
    free(obtain(10));
    return 0;
}
