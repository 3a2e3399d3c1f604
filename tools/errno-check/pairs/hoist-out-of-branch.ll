; A malloc under a condition is made always.
;
; no IsoC Posix: the condition is false: the new call may set errno.
; no Quiet FreshNondet Elision Schedule FreshUnquantified: the condition is false and the new call
;     fails: errno changes.
; ok Untouched NeverFails: a call too many leaves no trace.

declare ptr @malloc(i64)

define ptr @src(i1 noundef %c) {
  br i1 %c, label %yes, label %no

yes:
  %p = call ptr @malloc(i64 24)
  br label %no

no:
  %r = phi ptr [ %p, %yes ], [ null, %0 ]
  ret ptr %r
}

define ptr @tgt(i1 noundef %c) {
  %p = call ptr @malloc(i64 24)
  %r = select i1 %c, ptr %p, ptr null
  ret ptr %r
}
