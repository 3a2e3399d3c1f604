/* The names of the source. They are inline, so nothing named TH_ is linked. */

static inline void TH_init(void) {
  oth_th_init();
}

static inline uint8_t *TH_alloc(int bytesize, uint32_t tag) {
  return oth_th_alloc(bytesize, tag);
}

static inline uint8_t *TH_realloc(uint8_t *p, int bytesize) {
  return oth_th_realloc(p, bytesize);
}

static inline int TH_free(uint8_t *p) {
  return oth_th_free(p);
}

static inline void TH_freetags(uint32_t low, uint32_t high) {
  oth_th_freetags(low, high);
}

/** Calls the function of the source's type that `context` points at. */
static inline int32_t oth_th_ask(void *context, int16_t tag, uint8_t *proposed) {
  bool (**move)(short, uint8_t *) = (bool (**)(short, uint8_t *))context;
  return (*move)(tag, proposed) ? 1 : 0;
}

static inline void TH_defrag(bool (*move)(short tag, uint8_t *proposed)) {
  oth_th_defrag(move == NULL ? NULL : oth_th_ask, &move);
}

static inline int TH_countfreehead(void) {
  return oth_th_countfreehead();
}

/** Check the heap, and print what was found to standard output, a line for each block. */
static inline bool TH_checkhealth_verbose(void) {
  char *report = NULL;
  bool healthy = oth_th_checkhealth(&report) != 0;
  if (report != NULL) fputs(report, stdout);
  oth_text_free(report);
  return healthy;
}

/** Show every block to `visit`, from the bottom up, the empty one at the end included. */
static inline void TH_walk(oth_visit visit, void *context) {
  oth_th_walk(visit, context);
}
