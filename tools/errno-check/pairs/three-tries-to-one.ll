; A malloc that is tried up to three times is tried once.
;
; ok IsoC Posix Quiet FreshNondet Elision Untouched NeverFails: a target that succeeds is a source
;     that succeeds at once; one that fails is a source that fails three times, the last time as
;     the target does.
; no Schedule: bits 1, 0: the source gives a block and leaves ENOMEM, the target null.
; no FreshUnquantified: the unknowns do not agree.

declare ptr @malloc(i64)

define ptr @src() {
  %p = call ptr @malloc(i64 24)
  %c = icmp eq ptr %p, null
  br i1 %c, label %second, label %done

second:
  %q = call ptr @malloc(i64 24)
  %d = icmp eq ptr %q, null
  br i1 %d, label %third, label %done

third:
  %r = call ptr @malloc(i64 24)
  br label %done

done:
  %x = phi ptr [ %p, %0 ], [ %q, %second ], [ %r, %third ]
  ret ptr %x
}

define ptr @tgt() {
  %p = call ptr @malloc(i64 24)
  ret ptr %p
}
