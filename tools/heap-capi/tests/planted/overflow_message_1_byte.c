/* A byte is written behind a message's NUL. */
#include "planted.h"

int main(void) {
  char *text = message();
  ((volatile char *)text)[strlen(text) + 1] = 'x';
  oth_text_free(text);
  return 0;
}
