// Calls one function of a shared object: driver LIBRARY FUNCTION ERRNO ARGUMENT…, and prints what it returned in two
// registers, and errno. Between the markers nothing allocates but the function.
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pair { unsigned long first, second; };
typedef struct pair function(unsigned long, unsigned long, unsigned long, unsigned long);

// An allocator that a pair declares.
void *allocate(size_t size) { return malloc(size); }

static unsigned long argument(const char *text, unsigned long *all) {
    static char blocks[4][64];
    static int used;
    if (strcmp(text, "errno") == 0) return (unsigned long)&errno;
    if (strcmp(text, "null") == 0) return 0;
    if (strcmp(text, "heap") == 0) return (unsigned long)malloc(64);
    if (strcmp(text, "block") == 0) return (unsigned long)blocks[used++];
    if (strncmp(text, "same:", 5) == 0) return all[atoi(text + 5)];
    return strtoul(text, NULL, 10);
}

int main(int count, char **texts) {
    unsigned long given[4] = {0};
    void *library = dlopen(texts[1], RTLD_NOW);
    if (!library) { fprintf(stderr, "%s\n", dlerror()); return 1; }
    function *call = (function *)dlsym(library, texts[2]);
    void (*marker)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "malloc_fault_marker");
    if (!call || !marker || count > 8) return 2;
    for (int index = 4; index < count; index++) given[index - 4] = argument(texts[index], given);
    int before = atoi(texts[3]);
    marker();
    errno = before;
    struct pair back = call(given[0], given[1], given[2], given[3]);
    int after = errno;
    char text[100];
    int length = snprintf(text, sizeof text, "%lu %lu %d\n", back.first, back.second, after);
    _exit(write(1, text, length) != length);
}
