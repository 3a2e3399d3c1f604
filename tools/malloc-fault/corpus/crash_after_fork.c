// Fails in a process that the program forks, and the program does not look how that ends.
// expect work K=1 crashed
// crash work
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void work(void) {
    int *value = malloc(24);
    *value = 7;
    free(value);
}

int main(void) {
    pid_t child = fork();
    if (child == 0) {
        work();
        _exit(0);
    }
    waitpid(child, NULL, 0);
    puts("done");
    return 0;
}
