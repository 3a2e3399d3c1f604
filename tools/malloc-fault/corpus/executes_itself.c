// Runs itself once more: what it executes is not under the interposer any more, unless asked for.
// expect work K=1 propagated
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int work(void) {
    void *block = malloc(24);
    if (!block) return 6;
    free(block);
    return 0;
}

int main(int count, char **arguments) {
    int result = work();
    if (result != 0) return result;
    if (count > 1) {
        puts(getenv("LD_PRELOAD") ? "still preloaded" : "done");
        return 0;
    }
    execl("/proc/self/exe", arguments[0], "again", (char *)NULL);
    return 7;
}
