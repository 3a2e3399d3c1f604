/* A message is freed twice. */
#include "planted.h"

int main(void) {
  char *text = message();
  oth_text_free(text);
  oth_text_free(text);
  return 0;
}
