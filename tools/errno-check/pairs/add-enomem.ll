; if (!p) errno = ENOMEM is added behind malloc, for a platform whose malloc does not do it.
;
; ok IsoC FreshNondet: a failure may set ENOMEM.
; ok Posix Quiet Elision Schedule: a failure has set ENOMEM already.
; no Untouched: a failing source leaves errno.
; ok NeverFails: the branch is never taken.
; no FreshUnquantified: the unknown of the failing source is not ENOMEM.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define ptr @src() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
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
