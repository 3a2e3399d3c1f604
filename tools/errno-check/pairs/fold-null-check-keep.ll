; malloc == null is folded to false and the call stays. That asks more than dropping it: the call
; may still fail and leave what only a failure leaves.
;
; ok IsoC: whatever a failing target leaves, a succeeding source may leave.
; ok Posix: a failing target leaves ENOMEM, and a success may leave any value that is not 0.
; no Quiet FreshNondet Elision FreshUnquantified: a failing target returns false and leaves
;     another errno than was there; a source that returns false has succeeded and left errno.
; no Schedule: bit 0 is set: the source returns true.
; ok Untouched NeverFails: the call leaves no trace.

declare ptr @malloc(i64)

define i1 @src() {
  %p = call ptr @malloc(i64 24)
  %c = icmp eq ptr %p, null
  ret i1 %c
}

define i1 @tgt() {
  %p = call ptr @malloc(i64 24)
  ret i1 false
}
