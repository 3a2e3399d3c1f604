; A malloc whose result nobody uses is added.
;
; no IsoC Posix: the new call may set errno to 1 where it was 0.
; no Quiet FreshNondet Elision Schedule FreshUnquantified: the new call may fail, and leaves
;     another errno than was there. Elision serves the compiler that drops calls, not the one that
;     adds them.
; ok Untouched NeverFails: the call leaves no trace.

declare ptr @malloc(i64)

define void @src() {
  ret void
}

define void @tgt() {
  %p = call ptr @malloc(i64 24)
  ret void
}
