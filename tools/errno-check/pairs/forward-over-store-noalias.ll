; The same where p is noalias.
;
; ok IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails FreshUnquantified: if q
;     reaches the place of p, the source is undefined.

define i32 @src(ptr noalias %p, ptr %q) {
  store i32 1, ptr %p
  store i32 2, ptr %q
  %x = load i32, ptr %p
  ret i32 %x
}

define i32 @tgt(ptr noalias %p, ptr %q) {
  store i32 1, ptr %p
  store i32 2, ptr %q
  ret i32 1
}
