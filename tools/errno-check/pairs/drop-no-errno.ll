; The same promise is dropped. A promise less is right whatever was promised.
;
; ok IsoC Posix Quiet FreshNondet Elision Schedule Untouched NeverFails FreshUnquantified: where
;     the source keeps the promise, both do the same; where it breaks it, it is undefined.

declare ptr @malloc(i64)

define ptr @src() {
  %p = call ptr @malloc(i64 24) memory(inaccessiblemem: readwrite)
  ret ptr %p
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
