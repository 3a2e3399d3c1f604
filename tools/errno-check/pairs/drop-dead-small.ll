; An unused malloc of a small constant is dropped.
;
; ok IsoC Posix Quiet FreshNondet Elision Untouched NeverFails FreshUnquantified: the source may
;     succeed, and a success may leave errno: that is the one end of the target.
; no Schedule: where bit 0 says that the call fails, the source must fail: it ends with ENOMEM,
;     the target with errno as it was.

declare ptr @malloc(i64)

define void @src() {
  %p = call ptr @malloc(i64 24)
  ret void
}

define void @tgt() {
  ret void
}
