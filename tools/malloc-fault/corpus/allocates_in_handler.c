// Allocates in a signal handler, which nobody should: counted and failed as any other call.
// expect handle K=1 propagated
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t failed;

static void handle(int signal) {
    (void)signal;
    void *block = malloc(24);
    failed = block == NULL;
    free(block);
}

int main(void) {
    signal(SIGUSR1, handle);
    raise(SIGUSR1);
    if (failed) return 5;
    puts("done");
    return 0;
}
