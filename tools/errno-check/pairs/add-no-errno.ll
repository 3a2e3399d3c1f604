; memory(inaccessiblemem: readwrite) on the call: errno is not written, it says. LLVM said so of
; malloc for years.
;
; no IsoC Posix: a call that sets errno breaks the promise.
; no Quiet FreshNondet Elision Schedule FreshUnquantified: a call that fails breaks the promise.
; ok Untouched NeverFails: the promise is kept.

declare ptr @malloc(i64)

define ptr @src() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 24) memory(inaccessiblemem: readwrite)
  ret ptr %p
}
