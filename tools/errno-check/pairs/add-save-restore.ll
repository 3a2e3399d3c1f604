; errno is saved before malloc and restored behind it.
;
; ok IsoC: every call may leave errno.
; no Posix Quiet Elision Schedule: a failing source ends with (null, ENOMEM), the target with
;     (null, errno as it was).
; ok FreshNondet: a failure may set what was there.
; ok Untouched NeverFails: the call does not write errno.
; no FreshUnquantified: the unknown is not what was there.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
  %e = call ptr @__errno_location()
  %s = load i32, ptr %e
  %p = call ptr @malloc(i64 24)
  store i32 %s, ptr %e
  ret ptr %p
}
