; malloc == null is folded to false and the call is dropped.
;
; ok IsoC Posix Quiet FreshNondet Elision Untouched NeverFails FreshUnquantified: the source may
;     succeed and leave errno.
; no Schedule: bit 0 is set: the source returns true and leaves ENOMEM.

declare ptr @malloc(i64)

define i1 @src() {
  %p = call ptr @malloc(i64 24)
  %c = icmp eq ptr %p, null
  ret i1 %c
}

define i1 @tgt() {
  ret i1 false
}
