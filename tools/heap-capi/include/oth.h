/* What a call of Own the Heap comes to: a code, and a message that the caller frees.
 *
 * Made from failure.rs and border.rs by `cargo xtask headers`: change it there. */

#ifndef OTH_OTH_H
#define OTH_OTH_H

#include <stddef.h>
#include <stdint.h>

/* The compiler warns where the result of a call is ignored: its message would be lost. */
#if defined(__GNUC__)
#define OTH_MUST_USE __attribute__((warn_unused_result))
#else
#define OTH_MUST_USE
#endif

/**
 * What a call came to.
 */
enum oth_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It did what it was asked to.
   */
  OTH_CODE_OK = 0,
  /**
   * An argument that must not be NULL is NULL.
   */
  OTH_CODE_NULL = 1,
  /**
   * A handle that no create function returned.
   */
  OTH_CODE_NO_HANDLE = 2,
  /**
   * A handle whose object was destroyed.
   */
  OTH_CODE_DESTROYED = 3,
  /**
   * A handle of the other kind.
   */
  OTH_CODE_WRONG_KIND = 4,
  /**
   * The object is in use: by another thread, or by the call whose callback this is.
   */
  OTH_CODE_BUSY = 5,
  /**
   * There is no room: errno is ENOMEM.
   */
  OTH_CODE_NO_MEMORY = 6,
  /**
   * An argument has no meaning here: a size, an alignment, a tag.
   */
  OTH_CODE_INVALID = 7,
  /**
   * A checkpoint of another arena, or one that a reset or a rewind has passed.
   */
  OTH_CODE_CHECKPOINT = 8,
  /**
   * A pointer that is no payload of a live block of this heap.
   */
  OTH_CODE_POINTER = 9,
  /**
   * The heap is damaged: something wrote past its block.
   */
  OTH_CODE_DAMAGED = 10,
  /**
   * The system refused; errno says why.
   */
  OTH_CODE_SYSTEM = 11,
  /**
   * A mistake of this library; the message says where. The object may be used and destroyed.
   */
  OTH_CODE_PANIC = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum oth_code oth_code;
#else
typedef int32_t oth_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a call came to, and in which words.
 *
 * The message is NULL if the code is `OTH_CODE_OK`, or if there was no memory for it. Otherwise it
 * belongs to the caller, who frees it with `oth_text_free`.
 */
typedef struct oth_result {
  /**
   * What it came to.
   */
  oth_code code;
  /**
   * Why, in words, with the numbers.
   */
  char *message;
} oth_result;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Free a text that this library returned: a message, or a dump.
 *
 * NULL is accepted. Any thread may free any text; errno stays as it is.
 *
 * The caller sees to it:
 * The text is NULL or came from this library, and has not been freed.
 */
void oth_text_free(char *text);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OTH_OTH_H */
