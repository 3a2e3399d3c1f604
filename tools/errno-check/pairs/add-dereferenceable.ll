; A call of an allocator of 23 bytes is said to give null or 23 bytes: true of every call. This is
; the false alarm of the discussion, in a line.
;
; ok IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails: the promise is kept, and
;     nothing else changes.
; no FreshUnquantified: the unknowns of two failures do not agree: rejected for errno, where
;     nobody touched errno.

declare ptr @allocate(i64) allocsize(0)

define ptr @src() {
  %p = call ptr @allocate(i64 23)
  ret ptr %p
}

define ptr @tgt() {
  %p = call dereferenceable_or_null(23) ptr @allocate(i64 23)
  ret ptr %p
}
