// The forked process says that it failed, and the program passes it on.
// expect work K=1 propagated
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int work(void) {
    int *value = malloc(24);
    if (!value) return 4;
    free(value);
    return 0;
}

int main(void) {
    pid_t child = fork();
    if (child == 0) _exit(work());
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) return WEXITSTATUS(status);
    puts("done");
    return 0;
}
