// Tests errno and not the pointer: harmless until a call that succeeds leaves noise there, as C allows.
// arguments --shape noise:12
// expect obtain K=1 propagated
// expect - noise%12 wrong
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void *obtain(void) {
    errno = 0;
    void *block = malloc(100);
    if (errno == ENOMEM) exit(1);
    return block;
}

int main(void) {
    free(obtain());
    puts("done");
    return 0;
}
