; A read of errno before free is moved behind it: the idiom of saving errno around free, undone.
;
; no IsoC: free may set 1 where errno was 0.
; ok Posix Quiet FreshNondet Elision Schedule Untouched NeverFails FreshUnquantified: free leaves
;     errno.

declare void @free(ptr)
declare ptr @__errno_location()

define i32 @src(ptr noundef %p) {
  %e = call ptr @__errno_location()
  %x = load i32, ptr %e
  call void @free(ptr %p)
  ret i32 %x
}

define i32 @tgt(ptr noundef %p) {
  %e = call ptr @__errno_location()
  call void @free(ptr %p)
  %x = load i32, ptr %e
  ret i32 %x
}
