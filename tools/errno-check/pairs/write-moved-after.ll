; errno = 5 before malloc is moved behind it.
;
; ok IsoC: the source may leave the 5 whether it succeeds or fails.
; no Posix Quiet Schedule Elision: a failing source ends with (null, ENOMEM), the target with
;     (null, 5).
; ok FreshNondet: a failure may set 5.
; ok Untouched NeverFails: the call does not write errno.
; no FreshUnquantified: the unknown of the failing source is not 5.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src() {
  %e = call ptr @__errno_location()
  store i32 5, ptr %e
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
  %e = call ptr @__errno_location()
  %p = call ptr @malloc(i64 24)
  store i32 5, ptr %e
  ret ptr %p
}
