; A store of 0 is forwarded over a malloc to the load behind it; the call stays. p may point to
; errno.
;
; no IsoC Posix: p is errno: the call may set it, say to 1. The source returns 1 then and leaves
;     1; the target returns 0 and leaves 1.
; no Quiet Elision: p is errno and the call fails: the source returns and leaves ENOMEM; the
;     target returns 0 and leaves ENOMEM, and only a call that failed for real leaves that.
; no FreshNondet: as before with any value in the place of ENOMEM.
; no Schedule: p is errno and bit 0 is set: as under Quiet.
; ok Untouched NeverFails: the call never writes errno, so it never writes *p.
; no FreshUnquantified: the unknowns that the two failures leave do not agree, wherever p points.

declare ptr @malloc(i64)

define i32 @src(ptr %p) {
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 24)
  %x = load i32, ptr %p
  ret i32 %x
}

define i32 @tgt(ptr %p) {
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 24)
  ret i32 0
}
