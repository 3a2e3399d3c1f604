; A store of 0 to a stack slot is forwarded over a malloc; the call stays. A stack slot is never
; errno.
;
; ok IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails: the call cannot write the
;     slot, and does to errno what it did.
; no FreshUnquantified: the unknowns that the two failures leave do not agree: the false alarm
;     again.

declare ptr @malloc(i64)

define i32 @src() {
  %p = alloca i32
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 24)
  %x = load i32, ptr %p
  ret i32 %x
}

define i32 @tgt() {
  %p = alloca i32
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 24)
  ret i32 0
}
