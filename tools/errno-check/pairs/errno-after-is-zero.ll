; errno = 0; p = malloc; return (p, errno) becomes (p, 0).
;
; no IsoC Posix: a success may leave 1; the source returns what it leaves.
; no Quiet FreshNondet Elision Schedule FreshUnquantified: a failing call: the source returns
;     (null, what it left), the target (null, 0) and leaves something else than 0.
; ok Untouched NeverFails: errno is 0 behind the call as it was before it.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define { ptr, i32 } @src() {
  %e = call ptr @__errno_location()
  store i32 0, ptr %e
  %p = call ptr @malloc(i64 24)
  %x = load i32, ptr %e
  %r = insertvalue { ptr, i32 } poison, ptr %p, 0
  %s = insertvalue { ptr, i32 } %r, i32 %x, 1
  ret { ptr, i32 } %s
}

define { ptr, i32 } @tgt() {
  %e = call ptr @__errno_location()
  store i32 0, ptr %e
  %p = call ptr @malloc(i64 24)
  %r = insertvalue { ptr, i32 } poison, ptr %p, 0
  %s = insertvalue { ptr, i32 } %r, i32 0, 1
  ret { ptr, i32 } %s
}
