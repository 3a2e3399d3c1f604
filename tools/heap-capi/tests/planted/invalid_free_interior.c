/* A pointer into a message is freed, where the message should be. */
#include "planted.h"

int main(void) {
  char *text = message();
  oth_text_free(text + 8);
  return 0;
}
