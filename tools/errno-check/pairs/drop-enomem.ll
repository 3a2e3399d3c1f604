; if (!p) errno = ENOMEM behind malloc is dropped, as malloc does that itself.
;
; no IsoC FreshNondet: a failing target may leave another value.
; ok Posix Quiet Elision Schedule: a failure has set ENOMEM already.
; no Untouched: a failing target leaves errno.
; ok NeverFails: the branch is never taken.
; no FreshUnquantified: the unknown of the failing target is not ENOMEM.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src() {
  %p = call ptr @malloc(i64 24)
  %c = icmp eq ptr %p, null
  br i1 %c, label %failed, label %done

failed:
  %e = call ptr @__errno_location()
  store i32 12, ptr %e
  br label %done

done:
  ret ptr %p
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
