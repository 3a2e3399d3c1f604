; An unused malloc that can only fail is dropped.
;
; ok IsoC: a failure may leave errno.
; no Posix Quiet Schedule: a request of 2^62 bytes always fails, with ENOMEM; the target leaves
;     errno, which may have been 0.
; ok FreshNondet: a failure sets any value, so also the one that was there.
; ok Elision: the virtual allocator serves any size and touches nothing.
; ok Untouched NeverFails: nothing writes errno.
; no FreshUnquantified: the failure leaves an unknown that is not what errno was.

declare ptr @malloc(i64)

define void @src() {
  %p = call ptr @malloc(i64 4611686018427387904)
  ret void
}

define void @tgt() {
  ret void
}
