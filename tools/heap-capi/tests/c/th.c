/* The TH_ functions of tagheap.h, and what they are made of. */

#include "tagheap.h"
#include "check.h"

/* A call succeeds, and leaves errno alone. */
#define QUIETLY(condition)   \
  do {                       \
    errno = QUIET;           \
    CHECK(condition);        \
    CHECK(errno == QUIET);   \
  } while (0)

/* A call says what it says of failure, and errno says why. */
#define FAILS(condition, number) \
  do {                           \
    errno = QUIET;               \
    CHECK(condition);            \
    CHECK(errno == (number));    \
  } while (0)

static uint8_t *offered[4];
static int offers;

static bool allow(short tag, uint8_t *proposed) {
  CHECK(tag >= 0 && offers < 4);
  offered[offers++] = proposed;
  return true;
}

static bool veto_1002(short tag, uint8_t *proposed) {
  (void)proposed;
  return tag != 1002;
}

static bool call_back_in(short tag, uint8_t *proposed) {
  (void)tag;
  FAILS(TH_alloc(8, 1) == NULL, EBUSY);
  FAILS(TH_free(proposed) == 0, EBUSY);
  FAILS(TH_realloc(proposed, 8) == NULL, EBUSY);
  FAILS(TH_countfreehead() == 0, EBUSY);
  FAILS((TH_init(), true), EBUSY);
  FAILS((TH_freetags(1, 2), true), EBUSY);
  FAILS((TH_defrag(allow), true), EBUSY);
  FAILS(!TH_checkhealth_verbose(), EBUSY);
  return false;
}

static void nothing_works_before_init(void) {
  FAILS(TH_alloc(8, 1) == NULL, EINVAL);
  FAILS(TH_free(NULL) == 0, EINVAL);
  FAILS(TH_realloc(NULL, 8) == NULL, EINVAL);
  FAILS(TH_countfreehead() == 0, EINVAL);
  FAILS((TH_freetags(1, 2), true), EINVAL);
  FAILS(!TH_checkhealth_verbose(), EINVAL);
}

static void calls_do_what_the_source_says(void) {
  QUIETLY((TH_init(), TH_countfreehead() == 299952));
  uint8_t *a = TH_alloc(16, 1001), *b = TH_alloc(16, 1002), *c = TH_alloc(16, 1003);
  uint8_t *tail = TH_alloc(16, 0x8001);
  CHECK(b - a == 40 && c - b == 40 && tail > c);
  memset(b, 0x22, 16);
  QUIETLY(TH_free(a) == 16);
  QUIETLY((TH_defrag(veto_1002), true));
  CHECK(b[0] == 0x22);
  offers = 0;
  QUIETLY((TH_defrag(allow), true));
  CHECK(offers == 2 && offered[0] == a && offered[1] == b);
  CHECK(a[0] == 0x22 && a[15] == 0x22);
  QUIETLY(TH_realloc(a, 8) == a);
  QUIETLY(TH_realloc(a, 64) != a);
  QUIETLY((TH_freetags(1002, 1003), true));
  QUIETLY((TH_freetags(0x80000001, 0x80000001), true));
  QUIETLY(TH_countfreehead() == 299952);
  QUIETLY(TH_checkhealth_verbose());
}

static void sizes_and_tags_of_int_are_read_or_refused(void) {
  const int sizes[] = {-1, -2147483647 - 1, 2147483647, 10000000};
  const uint32_t tags[] = {0x7FFF, 0xBFFF, 0xC000, 0x10000, 0x80003FFF, 0xFFFFFFFF};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    FAILS(TH_alloc(sizes[i], 1) == NULL, ENOMEM);
  }
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
    FAILS(TH_alloc(8, tags[i]) == NULL, EINVAL);
    FAILS((TH_freetags(tags[i], 1), true), EINVAL);
    FAILS((TH_freetags(1, tags[i]), true), EINVAL);
  }
  FAILS((TH_freetags(2, 1), true), EINVAL);
  FAILS((TH_freetags(1, 0x8001), true), EINVAL);
  uint8_t *zero, *block;
  QUIETLY((zero = TH_alloc(0, 1)) != NULL);
  QUIETLY(TH_free(zero) == 28);
  QUIETLY(TH_realloc(NULL, 100) == NULL);
  QUIETLY(TH_free(NULL) == 0);
  block = TH_alloc(100, 1);
  FAILS(TH_realloc(block, 10000000) == NULL, ENOMEM);
  FAILS(TH_realloc(block + 4, 8) == NULL, EINVAL);
  QUIETLY(TH_realloc(block, -5) == NULL);
  FAILS(TH_free(block) == 0, EINVAL);
  FAILS(TH_realloc(block, 0) == NULL, EINVAL);
  int local;
  FAILS(TH_free(TO(uint8_t *, TO(void *, &local))) == 0, EINVAL);
  CHECK(TH_countfreehead() == 299952);
}

static void count(void *context, const oth_heap_block *block) {
  *TO(int *, context) += block->is_free ? 100 : 1;
}

static void callbacks_are_asked_and_cannot_reenter(void) {
  uint8_t *a = TH_alloc(16, 1), *b = TH_alloc(16, 2);
  int blocks = 0;
  TH_free(a);
  QUIETLY((TH_defrag(call_back_in), true));
  FAILS((TH_defrag(NULL), true), EINVAL);
  FAILS((TH_walk(NULL, &blocks), true), EINVAL);
  QUIETLY((TH_walk(count, &blocks), true));
  CHECK(blocks == 301);
  QUIETLY(TH_free(b) == 16 + 48);
}

static void a_report_belongs_to_the_caller(void) {
  char *report;
  CHECK(oth_th_checkhealth(&report) == 1);
  CHECK(strstr(report, "healthy: 0 live, 299952 bytes free") != NULL);
  oth_text_free(report);
  FAILS(oth_th_checkhealth(NULL) == 0, EINVAL);
}

static void init_again_forgets_everything(void) {
  uint8_t *block = TH_alloc(1000, 5);
  memset(block, 0xFF, 1000);
  QUIETLY((TH_init(), TH_countfreehead() == 299952));
  block[0] = 1;
  FAILS(TH_free(block) == 0, EINVAL);
  QUIETLY(TH_checkhealth_verbose());
}

/* The functions behind the names, for those who call them from elsewhere. */
static void functions_behind_the_names_are_there(void) {
  int blocks = 0;
  oth_th_init();
  uint8_t *block = oth_th_alloc(8, 1);
  CHECK((block = oth_th_realloc(block, 4)) != NULL && oth_th_free(block) == 8 + 24);
  oth_th_freetags(1, 1);
  FAILS((oth_th_defrag(NULL, NULL), true), EINVAL);
  oth_th_walk(count, &blocks);
  CHECK(blocks == 200 && oth_th_countfreehead() == 299952);
}

int main(void) {
  nothing_works_before_init();
  calls_do_what_the_source_says();
  sizes_and_tags_of_int_are_read_or_refused();
  callbacks_are_asked_and_cannot_reenter();
  a_report_belongs_to_the_caller();
  init_again_forgets_everything();
  functions_behind_the_names_are_there();
  puts("th: all good");
  return 0;
}
