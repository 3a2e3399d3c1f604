// Fails before main, in a constructor.
// expect prepare K=1 crashed
// crash prepare
#include <stdio.h>
#include <stdlib.h>

static int *table;

__attribute__((constructor)) static void prepare(void) {
    table = malloc(sizeof *table);
    *table = 7;
}

int main(void) {
    printf("%d\n", *table);
    free(table);
    return 0;
}
