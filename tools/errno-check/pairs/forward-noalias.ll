; forward-over-malloc with a promise: p is noalias. It may still equal the address of errno, but
; then nothing else may touch errno.
;
; ok IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails: where p is errno and the
;     call writes errno, the source is undefined; elsewhere the load reads the 0.
; no FreshUnquantified: p is not errno: the unknowns do not agree.

declare ptr @malloc(i64)

define i32 @src(ptr noalias %p) {
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 24)
  %x = load i32, ptr %p
  ret i32 %x
}

define i32 @tgt(ptr noalias %p) {
  store i32 0, ptr %p
  %q = call ptr @malloc(i64 24)
  ret i32 0
}
