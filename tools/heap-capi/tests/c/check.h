/* What the C tests share: they are C99 and C++17 at once. */

#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oth.h"

#ifdef __cplusplus
#define TO(type, value) static_cast<type>(value)
#define ADDRESS(pointer) reinterpret_cast<uintptr_t>(pointer)
#define FAKE(type, bits) reinterpret_cast<type>(static_cast<uintptr_t>(bits))
#else
#define TO(type, value) ((type)(value))
#define ADDRESS(pointer) ((uintptr_t)(pointer))
#define FAKE(type, bits) ((type)(uintptr_t)(bits))
#endif

/* errno before every call: none of the numbers that the library sets. */
#define QUIET 4321

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

static inline void expect_at(int line, const char *call, oth_result result, oth_code code, int number,
                      const char *words) {
  int after = errno;
  const char *said = result.message == NULL ? "(nothing)" : result.message;
  int as_said = words == NULL ? result.message == NULL : strstr(said, words) != NULL;
  if (result.code != code || after != number || !as_said) {
    fprintf(stderr, "line %d: %s: code %d, errno %d, \"%s\"; expected %d, %d, \"%s\"\n", line, call,
            TO(int, result.code), after, said, TO(int, code), number, words == NULL ? "" : words);
    exit(1);
  }
  oth_text_free(result.message);
}

/* The call succeeds, and leaves errno alone. */
#define GOOD(call) (errno = QUIET, expect_at(__LINE__, #call, call, OTH_CODE_OK, QUIET, NULL))

/* The call fails with a code, an errno, and these words in its message. */
#define REFUSED(call, code, number, words) \
  (errno = QUIET, expect_at(__LINE__, #call, call, code, number, words))

#endif
