/* A branch depends on a byte that nobody wrote. */
#include "planted.h"

int main(void) {
  char *bytes = (char *)malloc(16);
  int answer = ((volatile char *)bytes)[3] == 'x' ? 3 : 0;
  free(bytes);
  return answer;
}
