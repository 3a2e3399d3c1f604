; A malloc that can only fail is dropped, and what it did to errno is done by hand: right for
; whoever does not count the calls.
;
; ok IsoC FreshNondet: the failure may set ENOMEM; what follows is the same.
; ok Posix Quiet Elision: the failure sets ENOMEM, where it is one for real; what follows is the
;     same.
; no Schedule: the failing call takes bit 0 and the other one bit 1; in the target the other one
;     takes bit 0. Bits 0, 1: the source gives null, the target a block.
; no Untouched NeverFails: the source leaves errno.
; no FreshUnquantified: the unknown that the failure leaves is not ENOMEM where the next call
;     succeeds.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src() {
  %h = call ptr @malloc(i64 4611686018427387904)
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
  %e = call ptr @__errno_location()
  store i32 12, ptr %e
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
