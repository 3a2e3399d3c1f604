; malloc, use and free become a stack slot. The program looks whether malloc failed and then does
; without.
;
; ok IsoC: malloc may succeed and leave errno, and free may leave it.
; ok Posix Quiet FreshNondet Elision Untouched NeverFails FreshUnquantified: the source may
;     succeed and leave errno.
; no Schedule: bit 0 is set: the source ends with ENOMEM.

declare ptr @malloc(i64)
declare void @free(ptr)

define i32 @src(i32 %x) {
  %p = call ptr @malloc(i64 4)
  %c = icmp eq ptr %p, null
  br i1 %c, label %without, label %with

with:
  store i32 %x, ptr %p
  %y = load i32, ptr %p
  call void @free(ptr %p)
  ret i32 %y

without:
  ret i32 %x
}

define i32 @tgt(i32 %x) {
  %p = alloca i32
  store i32 %x, ptr %p
  %y = load i32, ptr %p
  ret i32 %y
}
