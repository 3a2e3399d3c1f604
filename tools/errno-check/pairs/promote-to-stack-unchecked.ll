; The same without the look: a program that uses null when malloc fails promises that it does not.
;
; ok IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails FreshUnquantified: where
;     the call may fail, the source may be undefined, and allows anything; where it succeeds, it
;     leaves errno.

declare ptr @malloc(i64)
declare void @free(ptr)

define i32 @src(i32 %x) {
  %p = call ptr @malloc(i64 4)
  store i32 %x, ptr %p
  %y = load i32, ptr %p
  call void @free(ptr %p)
  ret i32 %y
}

define i32 @tgt(i32 %x) {
  %p = alloca i32
  store i32 %x, ptr %p
  %y = load i32, ptr %p
  ret i32 %y
}
