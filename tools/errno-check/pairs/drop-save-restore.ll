; errno is no longer saved and restored around malloc.
;
; no IsoC Posix: the call may set another value.
; no Quiet FreshNondet Elision Schedule FreshUnquantified: a failing target ends with another
;     errno than was there.
; ok Untouched NeverFails: the call does not write errno.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src() {
  %e = call ptr @__errno_location()
  %s = load i32, ptr %e
  %p = call ptr @malloc(i64 24)
  store i32 %s, ptr %e
  ret ptr %p
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
