; errno = 5 is dropped before a malloc that can only fail: now the call does overwrite it, where a
; failure sets ENOMEM.
;
; no IsoC: a failure may leave errno: the target leaves the 0 that was there, the source never 0.
; ok Posix Quiet Schedule: both end with null and ENOMEM.
; ok FreshNondet: both end with null and any value.
; no Elision: the virtual allocator leaves errno: 5 in the source, what it was in the target.
; no Untouched NeverFails: errno keeps the 5 in the source.
; no FreshUnquantified: the unknowns do not agree.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src() {
  %e = call ptr @__errno_location()
  store i32 5, ptr %e
  %p = call ptr @malloc(i64 4611686018427387904)
  ret ptr %p
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 4611686018427387904)
  ret ptr %p
}
