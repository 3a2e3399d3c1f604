; A call that touches no memory is moved over malloc.
;
; ok IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails: neither can see the
;     other.
; no FreshUnquantified: the unknowns do not agree.

declare ptr @malloc(i64)
declare i32 @f(i32) memory(none) nounwind willreturn

define i32 @src(i32 noundef %x) {
  %p = call ptr @malloc(i64 24)
  %y = call i32 @f(i32 %x)
  ret i32 %y
}

define i32 @tgt(i32 noundef %x) {
  %y = call i32 @f(i32 %x)
  %p = call ptr @malloc(i64 24)
  ret i32 %y
}
