/* One byte past a block of an arena, in C: "twin told" tells the tools what is a block, "twin untold" does not.
 *
 * Built with -fsanitize=address it links AddressSanitizer; otherwise its functions are absent, and weak. Valgrind is
 * told by a sequence of instructions that does nothing on a processor. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { CAPACITY = 4096, BLOCK = 64, RED_ZONE = 16 };

void __asan_poison_memory_region(void const volatile *at, size_t len) __attribute__((weak));

static void tell_valgrind(size_t request, size_t at, size_t len) {
#if defined(__x86_64__)
    volatile size_t words[6] = {request, at, len, 0, 0, 0};
    size_t answer = 0;
    __asm__ volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi; xchgq %%rbx, %%rbx"
                     : "+d"(answer) : "a"(words) : "cc", "memory");
#else
    (void)request, (void)at, (void)len;
#endif
}

/* A range that is no block: nobody may touch it. */
static void forbid(char *at, size_t len) {
    const size_t make_noaccess = ((size_t)'M' << 24) + ((size_t)'C' << 16);
    if (__asan_poison_memory_region) __asan_poison_memory_region(at, len);
    tell_valgrind(make_noaccess, (size_t)at, len);
}

int main(int argc, char **argv) {
    int told = argc > 1 && strcmp(argv[1], "told") == 0;
    char *base = mmap(0, CAPACITY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return 3;
    /* Neighbours touch, unless there is a red zone to be told of. */
    char *block = base, *next = block + BLOCK + (told ? RED_ZONE : 0);
    strcpy(next, "Neighbour");
    if (told) forbid(block + BLOCK, RED_ZONE);
    memset(block, 'x', BLOCK + 1);
    printf("%s\n", next[0] == 'N' ? "the neighbour is whole" : "the neighbour is hit");
    return 0;
}
