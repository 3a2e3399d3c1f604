// The copy of a text is measured without a look at it.
// expect make_copy K=1 crashed
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *make_copy(const char *text) {
    char *copy = strdup(text);
    copy[0] = 'H';
    return copy;
}

int main(void) {
    char *copy = make_copy("hello");
    puts(copy);
    free(copy);
    return 0;
}
