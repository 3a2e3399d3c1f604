; posix_memalign becomes malloc, which is aligned as far.
;
; ok IsoC: either may leave errno or set it.
; no Posix: a malloc that succeeds may set errno; posix_memalign leaves it.
; no Quiet FreshNondet Elision Schedule FreshUnquantified: a failing malloc leaves another errno
;     than was there.
; ok Untouched NeverFails: neither writes errno.

declare ptr @malloc(i64)
declare i32 @posix_memalign(ptr, i64, i64)

define ptr @src() {
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

define ptr @tgt() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
