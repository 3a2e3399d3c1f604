; An unused malloc of unknown size is dropped: the size may be one that can only fail.
;
; ok IsoC: a failure may leave errno.
; no Posix Quiet Schedule: a request of 2^62 bytes always fails, with ENOMEM; the target leaves
;     errno, which may have been 0.
; ok FreshNondet: a failure sets any value, so also the one that was there.
; ok Elision: the virtual allocator serves any size and touches nothing.
; ok Untouched NeverFails: nothing writes errno.
; no FreshUnquantified: the failure leaves an unknown that is not what errno was.

declare ptr @malloc(i64)

define void @src(i64 noundef %n) {
  %p = call ptr @malloc(i64 %n)
  ret void
}

define void @tgt(i64 noundef %n) {
  ret void
}
