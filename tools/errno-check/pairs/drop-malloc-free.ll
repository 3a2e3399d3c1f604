; malloc and free of what nobody looked at are dropped. free(null) does nothing.
;
; ok IsoC: both calls may leave errno.
; ok Posix Quiet FreshNondet Elision Untouched NeverFails FreshUnquantified: the source may
;     succeed and leave errno; free leaves it.
; no Schedule: where bit 0 is set the source ends with ENOMEM.

declare ptr @malloc(i64)
declare void @free(ptr)

define void @src() {
  %p = call ptr @malloc(i64 24)
  call void @free(ptr %p)
  ret void
}

define void @tgt() {
  ret void
}
