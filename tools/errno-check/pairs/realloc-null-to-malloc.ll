; realloc(null, n) is malloc(n).
;
; ok IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails: the two are one function
;     by every standard, and take one bit of the schedule each.
; no FreshUnquantified: the unknowns do not agree.

declare ptr @malloc(i64)
declare ptr @realloc(ptr, i64)

define ptr @src(i64 noundef %n) {
  %p = call ptr @realloc(ptr null, i64 %n)
  ret ptr %p
}

define ptr @tgt(i64 noundef %n) {
  %p = call ptr @malloc(i64 %n)
  ret ptr %p
}
