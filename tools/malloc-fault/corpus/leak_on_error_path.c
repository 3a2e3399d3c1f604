// The name is lost when there is no room for the value.
// expect make_value K=1 leaked
// expect make_name K=1 propagated
#include <stdio.h>
#include <stdlib.h>

static char *make_name(void) { return calloc(1, 40); }
static char *make_value(void) { return calloc(1, 80); }

static int pair(void) {
    char *name = make_name();
    if (!name) return 1;
    char *value = make_value();
    if (!value) return 2;
    free(value);
    free(name);
    return 0;
}

int main(void) {
    int result = pair();
    if (result == 0) puts("done");
    return result;
}
