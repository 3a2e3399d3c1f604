; malloc becomes posix_memalign, which returns its error and leaves errno.
;
; ok IsoC: either may leave errno or set it.
; no Posix Quiet Elision Schedule: a failing target ends with (null, errno as it was), the source
;     with ENOMEM.
; ok FreshNondet: a failing malloc may set what was there.
; ok Untouched NeverFails: neither writes errno.
; no FreshUnquantified: the unknown of the failing source is not what was there.

declare ptr @malloc(i64)
declare i32 @posix_memalign(ptr, i64, i64)

define ptr @src() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
  %slot = alloca ptr
  %r = call i32 @posix_memalign(ptr %slot, i64 16, i64 24)
  %c = icmp eq i32 %r, 0
  br i1 %c, label %good, label %bad

good:
  %p = load ptr, ptr %slot
  ret ptr %p

bad:
  ret ptr null
}
