/* A message is read after it was freed. */
#include "planted.h"

int main(void) {
  volatile char *text = message();
  oth_text_free((char *)text);
  return text[0] == 0;
}
