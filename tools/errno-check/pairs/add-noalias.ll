; noalias is added to a parameter that may point to errno.
;
; no IsoC Posix Quiet FreshNondet Elision Schedule FreshUnquantified: p is errno and the call
;     writes it: undefined in the target, and not in the source.
; ok Untouched NeverFails: malloc does not write errno, and nothing else is accessed.

declare ptr @malloc(i64)

define i32 @src(ptr %p) {
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 24)
  %x = load i32, ptr %p
  ret i32 %x
}

define i32 @tgt(ptr noalias %p) {
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 24)
  %x = load i32, ptr %p
  ret i32 %x
}
