// Fails in a second thread, where a fork cannot judge.
// libraries -pthread
// expect work K=1 crashed
// crash work
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *work(void *unused) {
    int *value = malloc(24);
    *value = 7;
    free(value);
    return unused;
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL) != 0) return 1;
    pthread_join(thread, NULL);
    puts("done");
    return 0;
}
