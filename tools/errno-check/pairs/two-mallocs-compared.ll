; Two mallocs are compared; as live blocks differ, the answer is false and the calls are dropped.
;
; ok IsoC Posix Quiet FreshNondet Elision Untouched NeverFails FreshUnquantified: both calls may
;     succeed and leave errno, and give different blocks.
; no Schedule: bits 1, 1: null equals null.

declare ptr @malloc(i64)

define i1 @src() {
  %a = call ptr @malloc(i64 8)
  %b = call ptr @malloc(i64 8)
  %r = icmp eq ptr %a, %b
  ret i1 %r
}

define i1 @tgt() {
  ret i1 false
}
