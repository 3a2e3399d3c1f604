// Four blocks of one size from one place: that the next is asked for is no retry.
// expect make_row K=1 swallowed
#include <stdio.h>
#include <stdlib.h>

static void *make_row(void) { return malloc(32); }

int main(void) {
    void *rows[4];
    for (int i = 0; i < 4; i++) rows[i] = make_row();
    for (int i = 0; i < 4; i++) free(rows[i]);
    puts("done");
    return 0;
}
