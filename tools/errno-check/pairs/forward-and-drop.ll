; The store of 0 is forwarded over malloc and the call is dropped as well. That asks less than
; forwarding alone: without the call nothing shows that it failed.
;
; ok IsoC Posix Quiet FreshNondet Elision Untouched NeverFails FreshUnquantified: the source may
;     succeed and leave errno: it returns 0 then, wherever p points, and *p is 0.
; no Schedule: p is errno and bit 0 is set: the source returns and leaves ENOMEM, the target 0.

declare ptr @malloc(i64)

define i32 @src(ptr %p) {
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 24)
  %x = load i32, ptr %p
  ret i32 %x
}

define i32 @tgt(ptr %p) {
  store i32 0, ptr %p
  ret i32 0
}
