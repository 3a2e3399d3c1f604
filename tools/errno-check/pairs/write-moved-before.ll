; errno = 5 behind malloc is moved before it.
;
; no IsoC Posix: the call may set another value over the 5.
; no Quiet FreshNondet Elision Schedule FreshUnquantified: a failure sets its value over the 5;
;     the source ends with 5 always.
; ok Untouched NeverFails: the call does not write errno.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src() {
  %e = call ptr @__errno_location()
  %p = call ptr @malloc(i64 24)
  store i32 5, ptr %e
  ret ptr %p
}

define ptr @tgt() {
  %e = call ptr @__errno_location()
  store i32 5, ptr %e
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
