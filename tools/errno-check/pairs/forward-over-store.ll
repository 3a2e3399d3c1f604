; A store to p is forwarded over a store to q, which may be the same place. No malloc in sight:
; the rules for memory are those of every pair.
;
; no IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails FreshUnquantified: p and q
;     point to one block: the source returns 2.

define i32 @src(ptr %p, ptr %q) {
  store i32 1, ptr %p
  store i32 2, ptr %q
  %x = load i32, ptr %p
  ret i32 %x
}

define i32 @tgt(ptr %p, ptr %q) {
  store i32 1, ptr %p
  store i32 2, ptr %q
  ret i32 1
}
