// A node is used without a look at the pointer.
// expect make_node K=1 crashed
// expect make_node K=2 crashed
// crash make_node
#include <stdio.h>
#include <stdlib.h>

struct node { int value; struct node *next; };

static struct node *make_node(int value) {
    struct node *node = malloc(sizeof *node);
    node->value = value;
    node->next = NULL;
    return node;
}

int main(void) {
    struct node *node = make_node(7);
    printf("%d\n", node->value);
    free(node);
    return 0;
}
