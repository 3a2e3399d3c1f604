; malloc against an injector that sets errno as a failing malloc would.
;
; ok IsoC Posix Quiet FreshNondet Elision: (null, ENOMEM) is how the source ends when it fails.
; no Schedule: the plan fails a call that the schedule does not.
; no Untouched: a failing source leaves errno.
; no NeverFails: the source never gives null.
; no FreshUnquantified: the unknown is not ENOMEM.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src(i1 noundef %fail) {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt(i1 noundef %fail) {
  br i1 %fail, label %no, label %yes

no:
  %e = call ptr @__errno_location()
  store i32 12, ptr %e
  ret ptr null

yes:
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
