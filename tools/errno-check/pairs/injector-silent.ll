; malloc against an injector that sometimes returns null and forgets errno. The input %fail stands
; for its plan.
;
; ok IsoC: a failure may leave errno.
; no Posix Quiet Elision: (null, errno as it was) is no end of the source: null comes with ENOMEM.
; ok FreshNondet: a failure may set what was there.
; no Schedule: the plan fails a call that the schedule does not; and null comes with ENOMEM.
; ok Untouched: a failure leaves errno.
; no NeverFails: the source never gives null.
; no FreshUnquantified: the unknown is not what was there.

declare ptr @malloc(i64)

define ptr @src(i1 noundef %fail) {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt(i1 noundef %fail) {
  br i1 %fail, label %no, label %yes

no:
  ret ptr null

yes:
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
