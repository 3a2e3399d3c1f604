; The result of malloc is said to be no null.
;
; no IsoC Posix Quiet FreshNondet Elision Schedule Untouched FreshUnquantified: a failing call
;     gives null, the promise makes it poison, and the source returned null.
; ok NeverFails: the promise is kept.

declare ptr @malloc(i64)

define ptr @src() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
  %p = call nonnull ptr @malloc(i64 24)
  ret ptr %p
}
