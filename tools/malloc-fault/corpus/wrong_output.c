// A row that cannot be kept is left out, and nobody says so.
// expect make_row K=1 wrong
#include <stdio.h>
#include <stdlib.h>

static int *make_row(int value) {
    int *row = malloc(sizeof *row);
    if (row) *row = value;
    return row;
}

int main(void) {
    static char room[4096];
    setvbuf(stdout, room, _IOFBF, sizeof room);
    for (int i = 0; i < 3; i++) {
        int *row = make_row(i);
        if (!row) continue;
        printf("row %d\n", *row);
        free(row);
    }
    return 0;
}
