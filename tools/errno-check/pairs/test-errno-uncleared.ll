; p == null is tested by errno == ENOMEM; errno is not cleared before.
;
; no IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails FreshUnquantified: errno
;     was ENOMEM and the call succeeds and leaves it: the target takes a block for a failure.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define { ptr, i1 } @src() {
  %e = call ptr @__errno_location()
  %p = call ptr @malloc(i64 24)
  %c = icmp eq ptr %p, null
  %r = insertvalue { ptr, i1 } poison, ptr %p, 0
  %s = insertvalue { ptr, i1 } %r, i1 %c, 1
  ret { ptr, i1 } %s
}

define { ptr, i1 } @tgt() {
  %e = call ptr @__errno_location()
  %p = call ptr @malloc(i64 24)
  %x = load i32, ptr %e
  %c = icmp eq i32 %x, 12
  %r = insertvalue { ptr, i1 } poison, ptr %p, 0
  %s = insertvalue { ptr, i1 } %r, i1 %c, 1
  ret { ptr, i1 } %s
}
