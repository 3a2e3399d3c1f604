// The error path frees what its caller frees again: libc aborts, which is no decision of the program's.
// expect make_value K=1 crashed
#include <stdio.h>
#include <stdlib.h>

static char *make_value(void) { return malloc(300); }

static int fill(char *name) {
    char *value = make_value();
    if (!value) {
        free(name);
        return 1;
    }
    free(value);
    return 0;
}

int main(void) {
    char *name = malloc(300);
    if (!name) return 1;
    int result = fill(name);
    free(name);
    if (result == 0) puts("done");
    return result;
}
