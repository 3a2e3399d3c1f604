; A malloc is tried again once when it fails: what a retrying wrapper does to a program that knows
; nothing of it. The pair of demo 19.
;
; ok IsoC: a block with any errno that is not 0, or that was there, is an end of one successful
;     call.
; ok Posix: a block after a failure leaves ENOMEM, or what the last success set; a single success
;     may set that as well.
; no Quiet Elision: a block that came after a failure comes with ENOMEM; a source that gives a block
;     leaves errno. glibc does just this: the retry succeeds and errno still says ENOMEM.
; no FreshNondet FreshUnquantified: the same with what the failure left.
; no Schedule: bits 1, 0: the source gives null, the target a block.
; ok Untouched NeverFails: the failures leave no trace.

declare ptr @malloc(i64)

define ptr @src() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 24)
  %c = icmp eq ptr %p, null
  br i1 %c, label %again, label %done

again:
  %q = call ptr @malloc(i64 24)
  br label %done

done:
  %r = phi ptr [ %p, %0 ], [ %q, %again ]
  ret ptr %r
}
