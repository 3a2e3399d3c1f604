; Of two mallocs the one whose result is unused is dropped.
;
; ok IsoC Posix Quiet FreshNondet Elision Untouched NeverFails: the first call may succeed and
;     leave errno; the second does what the target does.
; no Schedule: bits 1, 0: the source gives a block; the one call of the target is the first, and
;     fails.
; no FreshUnquantified: the unknowns do not agree.

declare ptr @malloc(i64)

define ptr @src() {
  %p = call ptr @malloc(i64 8)
  %q = call ptr @malloc(i64 24)
  ret ptr %q
}

define ptr @tgt() {
  %q = call ptr @malloc(i64 24)
  ret ptr %q
}
