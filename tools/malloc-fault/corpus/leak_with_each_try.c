// Each try makes a scratch block of 64 bytes and forgets it when the real one fails.
// expect make_block K=1 leaked
// budget make_block gives up after 3: leaked; each try leaks 64 bytes
#include <stdio.h>
#include <stdlib.h>

static void *make_block(void) { return malloc(500); }

static void *obtain(void) {
    for (int tries = 0; tries < 3; tries++) {
        char *scratch = malloc(64);
        if (!scratch) return NULL;
        void *block = make_block();
        if (block) {
            free(scratch);
            return block;
        }
    }
    return NULL;
}

int main(void) {
    void *block = obtain();
    if (!block) return 1;
    free(block);
    puts("done");
    return 0;
}
