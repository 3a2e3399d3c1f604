; A read of errno before malloc is moved behind it.
;
; no IsoC Posix: errno is 0 and the call sets 1: the target returns 1 and leaves 1, the source
;     returns 0 whatever it leaves.
; no Quiet FreshNondet Elision Schedule FreshUnquantified: errno is 0 and the call fails: the
;     source returns 0, the target what the failure left.
; ok Untouched NeverFails: the call does not write errno.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define i32 @src() {
  %e = call ptr @__errno_location()
  %x = load i32, ptr %e
  %p = call ptr @malloc(i64 24)
  ret i32 %x
}

define i32 @tgt() {
  %e = call ptr @__errno_location()
  %p = call ptr @malloc(i64 24)
  %x = load i32, ptr %e
  ret i32 %x
}
