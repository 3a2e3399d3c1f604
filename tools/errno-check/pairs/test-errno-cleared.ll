; p == null is tested by errno == ENOMEM, and errno is cleared before.
;
; no IsoC: a failure may leave the 0.
; no Posix: a success may set ENOMEM.
; ok Quiet Elision Schedule: errno is ENOMEM behind a failure and 0 behind a success.
; no FreshNondet: a failure may set another value.
; no Untouched: a failure leaves the 0.
; ok NeverFails: both tests are false.
; no FreshUnquantified: the unknown is not ENOMEM, nor that of the source.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define { ptr, i1 } @src() {
  %e = call ptr @__errno_location()
  store i32 0, ptr %e
  %p = call ptr @malloc(i64 24)
  %c = icmp eq ptr %p, null
  %r = insertvalue { ptr, i1 } poison, ptr %p, 0
  %s = insertvalue { ptr, i1 } %r, i1 %c, 1
  ret { ptr, i1 } %s
}

define { ptr, i1 } @tgt() {
  %e = call ptr @__errno_location()
  store i32 0, ptr %e
  %p = call ptr @malloc(i64 24)
  %x = load i32, ptr %e
  %c = icmp eq i32 %x, 12
  %r = insertvalue { ptr, i1 } poison, ptr %p, 0
  %s = insertvalue { ptr, i1 } %r, i1 %c, 1
  ret { ptr, i1 } %s
}
