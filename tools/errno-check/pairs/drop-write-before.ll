; errno = 5 before malloc is dropped, as if the call overwrote it.
;
; no IsoC Posix: errno was 0 and the call succeeds and leaves it: the target leaves 0; the source
;     leaves 5 or some other value that is not 0.
; no Quiet FreshNondet Elision Schedule Untouched NeverFails FreshUnquantified: the call succeeds
;     and leaves errno: 5 in the source, what it was in the target.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src() {
  %e = call ptr @__errno_location()
  store i32 5, ptr %e
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
