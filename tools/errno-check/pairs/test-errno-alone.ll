; As test-errno-uncleared, but the pointer is not returned: now nothing shows that the target was
; wrong about it.
;
; ok IsoC Posix: whatever errno the target ends with, the source may fail with ENOMEM and succeed
;     with any other value or the one that was there.
; ok Quiet Elision: errno was ENOMEM: the target returns true with ENOMEM, as a failing source
;     does. It was not: both tests agree.
; no FreshNondet FreshUnquantified: a failing target leaves some other value than ENOMEM and
;     returns false; a source that returns false has left errno.
; no Schedule: errno was ENOMEM and bit 0 is clear: the source returns false.
; ok Untouched: the source may fail where errno was ENOMEM, and succeed where it was not.
; no NeverFails: errno was ENOMEM: the source returns false.

declare ptr @malloc(i64)
declare ptr @__errno_location()

define i1 @src() {
  %p = call ptr @malloc(i64 24)
  %c = icmp eq ptr %p, null
  ret i1 %c
}

define i1 @tgt() {
  %e = call ptr @__errno_location()
  %p = call ptr @malloc(i64 24)
  %x = load i32, ptr %e
  %c = icmp eq i32 %x, 12
  ret i1 %c
}
