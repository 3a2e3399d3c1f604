; The same with 24 bytes promised of a block of 23.
;
; no IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails FreshUnquantified: a call
;     that succeeds breaks the promise, which is undefined behaviour; the source has none.

declare ptr @allocate(i64) allocsize(0)

define ptr @src() {
  %p = call ptr @allocate(i64 23)
  ret ptr %p
}

define ptr @tgt() {
  %p = call dereferenceable_or_null(24) ptr @allocate(i64 23)
  ret ptr %p
}
