// One retry, and then no look: a single failure is masked, two crash.
// expect make_node K=1 masked
// expect make_node K=2 crashed
// budget make_node gives up after 2: crashed
// crash make_node
#include <stdio.h>
#include <stdlib.h>

static int *make_node(int value) {
    int *node = malloc(16);
    if (!node) node = malloc(16);
    *node = value;
    return node;
}

int main(void) {
    int *node = make_node(7);
    printf("%d\n", *node);
    free(node);
    return 0;
}
