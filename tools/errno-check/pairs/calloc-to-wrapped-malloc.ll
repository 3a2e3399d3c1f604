; calloc(2^32, 2^32 + 1) becomes malloc of the product, which wraps to 2^32.
;
; no IsoC Posix Quiet FreshNondet Schedule Untouched FreshUnquantified: the product is too large,
;     and calloc fails; malloc may give a block of 2^32 bytes.
; no Elision NeverFails: where calloc is served, it gives a block as large as was asked for,
;     filled with zeros.

declare ptr @malloc(i64)
declare ptr @calloc(i64, i64)

define ptr @src() {
  %p = call ptr @calloc(i64 4294967296, i64 4294967297)
  ret ptr %p
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 4294967296)
  ret ptr %p
}
