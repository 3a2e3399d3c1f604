// The result of posix_memalign is the code, and the code is not looked at.
// expect make_page K=1 crashed
#include <stdio.h>
#include <stdlib.h>

static char *make_page(void) {
    void *page = NULL;
    int code = posix_memalign(&page, 64, 256);
    (void)code;
    *(char *)page = 'x';
    return page;
}

int main(void) {
    char *page = make_page();
    printf("%c\n", *page);
    free(page);
    return 0;
}
