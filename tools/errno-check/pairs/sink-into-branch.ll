; A malloc whose result is used under a condition is made under it.
;
; ok IsoC Posix Quiet FreshNondet Elision Untouched NeverFails: where the condition is false the
;     call of the source may succeed and leave errno; where it is true nothing changes.
; no Schedule: the condition is false and bit 0 is set: the source ends with ENOMEM.
; no FreshUnquantified: the condition is true: the unknowns do not agree.

declare ptr @malloc(i64)

define ptr @src(i1 noundef %c) {
  %p = call ptr @malloc(i64 24)
  %r = select i1 %c, ptr %p, ptr null
  ret ptr %r
}

define ptr @tgt(i1 noundef %c) {
  br i1 %c, label %yes, label %no

yes:
  %p = call ptr @malloc(i64 24)
  br label %no

no:
  %r = phi ptr [ %p, %yes ], [ null, %0 ]
  ret ptr %r
}
