; A malloc that can only fail becomes a write of some number to errno that no constant of the pair
; names: x + 1.
;
; no IsoC: x is -1: the target leaves 0, where errno was another value; no call sets 0.
; no Posix Quiet Schedule: the source leaves ENOMEM.
; ok FreshNondet: a failure sets any value, so also this one.
; no Elision: the source leaves ENOMEM, or errno as it was.
; no Untouched NeverFails: the source leaves errno.
; no FreshUnquantified: the unknown is not x + 1.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define void @src(i32 noundef %x) {
  %p = call ptr @malloc(i64 4611686018427387904)
  ret void
}

define void @tgt(i32 noundef %x) {
  %e = call ptr @__errno_location()
  %y = add i32 %x, 1
  store i32 %y, ptr %e
  ret void
}
