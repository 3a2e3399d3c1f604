// The old block is forgotten when realloc fails.
// expect grow K=1 leaked
#include <stdio.h>
#include <stdlib.h>

static char *buffer;

static int grow(size_t size) {
    buffer = realloc(buffer, size);
    return buffer != NULL;
}

int main(void) {
    buffer = malloc(10);
    if (!buffer) return 1;
    if (!grow(1000)) return 2;
    free(buffer);
    puts("done");
    return 0;
}
