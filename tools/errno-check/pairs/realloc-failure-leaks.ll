; A failed realloc keeps the block. The target forgets to free it.
;
; no IsoC Posix Quiet FreshNondet Elision Schedule Untouched FreshUnquantified: realloc fails: the
;     block of the caller is freed in the source and live in the target.
; ok NeverFails: the branch is never taken.

declare void @free(ptr)
declare ptr @realloc(ptr, i64)

define ptr @src(ptr noundef %p) {
  %q = call ptr @realloc(ptr %p, i64 16)
  %c = icmp eq ptr %q, null
  br i1 %c, label %failed, label %done

failed:
  call void @free(ptr %p)
  br label %done

done:
  ret ptr %q
}

define ptr @tgt(ptr noundef %p) {
  %q = call ptr @realloc(ptr %p, i64 16)
  ret ptr %q
}
