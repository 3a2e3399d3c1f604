; The program as it was. Every relation that deserves its name holds between a program and itself.
;
; no FreshUnquantified: a failing call leaves one unknown in the source and another in the target,
;     and nothing says that they agree. This is the fault for which the encoding was given up.
; ok IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails: each run of the target is
;     a run of the source, choice by choice.

declare ptr @malloc(i64)

define ptr @src() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
