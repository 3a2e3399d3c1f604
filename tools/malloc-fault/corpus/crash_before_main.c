// Fails before any constructor, in the array that runs first of all.
// expect prepare K=1 crashed
// crash prepare
#include <stdio.h>
#include <stdlib.h>

static int *table;

static void prepare(void) {
    table = malloc(sizeof *table);
    *table = 7;
}

__attribute__((section(".preinit_array"), used)) static void (*first)(void) = prepare;

int main(void) {
    printf("%d\n", *table);
    free(table);
    return 0;
}
