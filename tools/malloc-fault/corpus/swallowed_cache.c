// A cache that is done without.
// expect make_cache K=1 swallowed
// expect make_cache K=2 swallowed
#include <stdio.h>
#include <stdlib.h>

static int *make_cache(void) { return calloc(100, sizeof(int)); }

int main(void) {
    int *cache = make_cache();
    int sum = 0;
    for (int i = 0; i < 100; i++) sum += cache ? (cache[i] = i) : i;
    char line[40];
    int len = snprintf(line, sizeof line, "%d\n", sum);
    fwrite(line, 1, len, stdout);
    free(cache);
    return 0;
}
