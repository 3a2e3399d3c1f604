// Closes every descriptor, as daemons do, and allocates then.
// expect work K=1 crashed
#include <stdlib.h>
#include <unistd.h>

static void work(void) {
    int *value = malloc(24);
    *value = 7;
    free(value);
}

int main(void) {
    for (int descriptor = 0; descriptor < 1024; descriptor++) close(descriptor);
    work();
    return 0;
}
