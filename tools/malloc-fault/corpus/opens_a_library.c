// Loads a library at run time, calls into it, and allocates when it is gone again.
// libraries -ldl
// expect work K=1 propagated
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static int work(void) {
    void *block = malloc(24);
    if (!block) return 8;
    free(block);
    return 0;
}

int main(void) {
    void *library = dlopen("libm.so.6", RTLD_NOW);
    if (!library) return 9;
    double (*cosine)(double) = (double (*)(double))dlsym(library, "cos");
    if (!cosine || cosine(0.0) != 1.0) return 10;
    dlclose(library);
    return work();
}
