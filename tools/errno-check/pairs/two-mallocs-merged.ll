; Two blocks of 8 bytes become one of 16; only whether there is room is asked.
;
; ok IsoC Posix Quiet FreshNondet Elision Untouched NeverFails: a target that succeeds is a source
;     that succeeds twice; one that fails is a source whose second call fails in the same way.
; no Schedule: bits 0, 1: the source returns false, the target true.
; no FreshUnquantified: the unknowns do not agree.

declare ptr @malloc(i64)

define i1 @src() {
  %a = call ptr @malloc(i64 8)
  %b = call ptr @malloc(i64 8)
  %x = icmp ne ptr %a, null
  %y = icmp ne ptr %b, null
  %r = and i1 %x, %y
  ret i1 %r
}

define i1 @tgt() {
  %a = call ptr @malloc(i64 16)
  %r = icmp ne ptr %a, null
  ret i1 %r
}
