; calloc(n, m) becomes a product that is checked by hand and a calloc of it; an overflow gives
; null without a word to errno.
;
; ok IsoC: a failure may leave errno.
; no Posix Quiet Schedule: n and m are 2^62: the source ends with (null, ENOMEM), the target with
;     (null, errno as it was).
; ok FreshNondet: a failure may set what was there.
; no Elision: where the source gives null, it has failed for real.
; ok Untouched: a failure leaves errno.
; no NeverFails: the source never gives null.
; no FreshUnquantified: the unknown is not what was there.

declare ptr @calloc(i64, i64)
declare { i64, i1 } @llvm.umul.with.overflow.i64(i64, i64)

define ptr @src(i64 noundef %n, i64 noundef %m) {
  %p = call ptr @calloc(i64 %n, i64 %m)
  ret ptr %p
}

define ptr @tgt(i64 noundef %n, i64 noundef %m) {
  %u = call { i64, i1 } @llvm.umul.with.overflow.i64(i64 %n, i64 %m)
  %c = extractvalue { i64, i1 } %u, 1
  br i1 %c, label %overflow, label %fits

overflow:
  ret ptr null

fits:
  %size = extractvalue { i64, i1 } %u, 0
  %p = call ptr @calloc(i64 1, i64 %size)
  ret ptr %p
}
