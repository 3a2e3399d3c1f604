; The same with an unknown size, so that the call may be one that can only fail.
;
; ok IsoC: a failure may leave errno.
; no Posix Quiet Schedule: n is 2^62 and p is errno: the source returns and leaves ENOMEM, the
;     target 0.
; ok FreshNondet: a failure may set 0 where p is errno, and what was there where it is not.
; ok Elision Untouched NeverFails: the source may go on with errno as it was.
; no FreshUnquantified: the failure leaves an unknown.

declare ptr @malloc(i64)

define i32 @src(ptr %p, i64 noundef %n) {
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 %n)
  %x = load i32, ptr %p
  ret i32 %x
}

define i32 @tgt(ptr %p, i64 noundef %n) {
  store i32 0, ptr %p
  ret i32 0
}
