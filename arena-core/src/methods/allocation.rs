//! What every kind of arena, and every scope, can do: hand out blocks and values.

/// What every kind of arena, and every scope, can do.
macro_rules! allocation_methods {
    ([$($generic:lifetime)?] $self:ident: $receiver:ty => $out:lifetime) => {
        /// Put a value into the arena.
        ///
        /// # Panics
        ///
        /// The arena is exhausted; the message has the bytes requested, used, and allowed.
        ///
        /// # Does not build
        ///
        /// A type that needs drop is refused when the program is built (`cargo check` does not see
        /// it): an arena runs no destructor. See `alloc_drop`, `alloc_box` and `alloc_leaky`.
        ///
        /// ```
        /// let arena = arena_core::Arena::new();
        /// let answer = arena.alloc(41);
        /// *answer += 1;
        /// assert_eq!(*answer, 42);
        /// ```
        #[inline(always)]
        #[track_caller]
        pub fn alloc<$($generic,)? T>($self: $receiver, value: T) -> &$out mut T {
            const { assert_no_drop::<T>() }
            $self.raw().uninit().write(value)
        }

        /// Put a value into the arena, or drop it and say why not.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline(always)]
        pub fn try_alloc<$($generic,)? T>($self: $receiver, value: T) -> Result<&$out mut T, AllocError> {
            const { assert_no_drop::<T>() }
            Ok($self.raw().try_uninit()?.write(value))
        }

        /// Put a value into the arena whose destructor will never run.
        ///
        /// Everything the value owns elsewhere (the text of a `String`, an open file) is leaked when
        /// the arena is reset or dropped.
        ///
        /// # Panics
        ///
        /// As `alloc`.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_leaky<$($generic,)? T>($self: $receiver, value: T) -> &$out mut T {
            $self.raw().uninit().write(value)
        }

        /// Put a value into the arena whose destructor will never run, or drop it and say why not.
        ///
        /// # Errors
        ///
        /// As `try_alloc`.
        #[inline(always)]
        pub fn try_alloc_leaky<$($generic,)? T>($self: $receiver, value: T) -> Result<&$out mut T, AllocError> {
            Ok($self.raw().try_uninit()?.write(value))
        }

        /// Put a value into the arena and own it: it is dropped with the box.
        ///
        /// # Panics
        ///
        /// As `alloc`.
        ///
        /// ```
        /// let arena = arena_core::Arena::new();
        /// let mut names = arena.alloc_box(vec![String::from("First block ok.")]);
        /// names.push(String::from("Second block too."));
        /// assert_eq!(names.len(), 2);
        /// drop(names);                        // frees the vector and both strings
        /// ```
        #[inline]
        #[track_caller]
        pub fn alloc_box<$($generic,)? T>($self: $receiver, value: T) -> ArenaBox<$out, T> {
            let block = $self.raw().allocate_or_panic(Layout::new::<T>());
            // SAFETY: handed out for a `T` just now.
            unsafe { ArenaBox::in_block(block, value) }
        }

        /// Put a value into the arena and own it, or drop it and say why not.
        ///
        /// # Errors
        ///
        /// As `try_alloc`.
        #[inline]
        pub fn try_alloc_box<$($generic,)? T>($self: $receiver, value: T) -> Result<ArenaBox<$out, T>, AllocError> {
            let block = $self.raw().allocate(Layout::new::<T>())?;
            // SAFETY: handed out for a `T` just now.
            Ok(unsafe { ArenaBox::in_block(block, value) })
        }

        /// Make a value in its place in the arena.
        ///
        /// The place is taken before `make` runs, so `make` may use the arena itself; if it panics,
        /// the place stays taken until the arena is rewound or reset.
        ///
        /// # Panics
        ///
        /// As `alloc`; also whatever `make` panics with.
        ///
        /// ```
        /// let arena = arena_core::Arena::new();
        /// let pair = arena.alloc_with(|| (arena.alloc(1), arena.alloc(2)));
        /// assert_eq!(*pair.0 + *pair.1, 3);
        /// ```
        #[inline(always)]
        #[track_caller]
        pub fn alloc_with<$($generic,)? T>($self: $receiver, make: impl FnOnce() -> T) -> &$out mut T {
            const { assert_no_drop::<T>() }
            $self.raw().uninit().write(make())
        }

        /// Make a value in its place in the arena; without a place, `make` is not called.
        ///
        /// # Errors
        ///
        /// As `try_alloc`.
        #[inline(always)]
        pub fn try_alloc_with<$($generic,)? T>($self: $receiver, make: impl FnOnce() -> T) -> Result<&$out mut T, AllocError> {
            const { assert_no_drop::<T>() }
            Ok($self.raw().try_uninit()?.write(make()))
        }

        /// Take room for a value that comes later.
        ///
        /// # Panics
        ///
        /// As `alloc`.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_uninit<$($generic,)? T>($self: $receiver) -> &$out mut MaybeUninit<T> {
            $self.raw().uninit()
        }

        /// Take room for a value that comes later.
        ///
        /// # Errors
        ///
        /// As `try_alloc`.
        #[inline(always)]
        pub fn try_alloc_uninit<$($generic,)? T>($self: $receiver) -> Result<&$out mut MaybeUninit<T>, AllocError> {
            $self.raw().try_uninit()
        }

        /// Take room for `len` values that come later.
        ///
        /// # Panics
        ///
        /// As `alloc`; also if `len` values exceed `isize::MAX` bytes.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_slice_uninit<$($generic,)? T>($self: $receiver, len: usize) -> &$out mut [MaybeUninit<T>] {
            or_fail!($self.raw().try_uninit_slice(len))
        }

        /// Take room for `len` values that come later.
        ///
        /// # Errors
        ///
        /// As `try_alloc`; also if `len` values exceed `isize::MAX` bytes.
        #[inline(always)]
        pub fn try_alloc_slice_uninit<$($generic,)? T>($self: $receiver, len: usize) -> Result<&$out mut [MaybeUninit<T>], AllocError> {
            $self.raw().try_uninit_slice(len)
        }

        /// Copy a slice into the arena.
        ///
        /// # Panics
        ///
        /// As `alloc`.
        ///
        /// ```
        /// let arena = arena_core::Arena::new();
        /// assert_eq!(arena.alloc_slice_copy(&[1, 2, 3]), [1, 2, 3]);
        /// ```
        #[inline(always)]
        #[track_caller]
        pub fn alloc_slice_copy<$($generic,)? T: Copy>($self: $receiver, source: &[T]) -> &$out mut [T] {
            or_fail!($self.raw().try_slice_copy(source))
        }

        /// Copy a slice into the arena.
        ///
        /// # Errors
        ///
        /// As `try_alloc`.
        #[inline(always)]
        pub fn try_alloc_slice_copy<$($generic,)? T: Copy>($self: $receiver, source: &[T]) -> Result<&$out mut [T], AllocError> {
            $self.raw().try_slice_copy(source)
        }

        /// Clone a slice into the arena.
        ///
        /// # Panics
        ///
        /// As `alloc`; also whatever `clone` panics with.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_clone<$($generic,)? T: Clone>($self: $receiver, source: &[T]) -> &$out mut [T] {
            or_fail!($self.try_alloc_slice_clone(source))
        }

        /// Clone a slice into the arena.
        ///
        /// # Errors
        ///
        /// As `try_alloc`.
        #[inline]
        pub fn try_alloc_slice_clone<$($generic,)? T: Clone>($self: $receiver, source: &[T]) -> Result<&$out mut [T], AllocError> {
            const { assert_no_drop::<T>() }
            $self.raw().try_slice_fill_with(source.len(), |index| source[index].clone())
        }

        /// Put `len` copies of a value into the arena.
        ///
        /// # Panics
        ///
        /// As `alloc_slice_uninit`.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_fill_copy<$($generic,)? T: Copy>($self: $receiver, len: usize, value: T) -> &$out mut [T] {
            or_fail!($self.raw().try_slice_fill_with(len, |_| value))
        }

        /// Put `len` copies of a value into the arena.
        ///
        /// # Errors
        ///
        /// As `try_alloc_slice_uninit`.
        #[inline]
        pub fn try_alloc_slice_fill_copy<$($generic,)? T: Copy>($self: $receiver, len: usize, value: T) -> Result<&$out mut [T], AllocError> {
            $self.raw().try_slice_fill_with(len, |_| value)
        }

        /// Put `len` values into the arena, each made from its index.
        ///
        /// # Panics
        ///
        /// As `alloc_slice_uninit`; also whatever `value_at` panics with.
        ///
        /// ```
        /// let arena = arena_core::Arena::new();
        /// assert_eq!(arena.alloc_slice_fill_with(4, |i| i * i), [0, 1, 4, 9]);
        /// ```
        #[inline]
        #[track_caller]
        pub fn alloc_slice_fill_with<$($generic,)? T>($self: $receiver, len: usize, value_at: impl FnMut(usize) -> T) -> &$out mut [T] {
            const { assert_no_drop::<T>() }
            or_fail!($self.raw().try_slice_fill_with(len, value_at))
        }

        /// Put `len` values into the arena, each made from its index.
        ///
        /// # Errors
        ///
        /// As `try_alloc_slice_uninit`.
        #[inline]
        pub fn try_alloc_slice_fill_with<$($generic,)? T>($self: $receiver, len: usize, value_at: impl FnMut(usize) -> T) -> Result<&$out mut [T], AllocError> {
            const { assert_no_drop::<T>() }
            $self.raw().try_slice_fill_with(len, value_at)
        }

        /// Put what an iterator yields into the arena, however many values that are.
        ///
        /// The slice grows in place unless the iterator allocates from the arena itself.
        ///
        /// # Panics
        ///
        /// As `alloc`; also whatever the iterator panics with.
        ///
        /// ```
        /// let arena = arena_core::Arena::new();
        /// let odd = arena.alloc_slice_from_iter((0..10).filter(|n| n % 2 == 1));
        /// assert_eq!(odd, [1, 3, 5, 7, 9]);
        /// ```
        #[inline]
        #[track_caller]
        pub fn alloc_slice_from_iter<$($generic,)? T>($self: $receiver, values: impl IntoIterator<Item = T>) -> &$out mut [T] {
            const { assert_no_drop::<T>() }
            or_fail!($self.raw().try_from_iter(values.into_iter()))
        }

        /// Put what an iterator yields into the arena, however many values that are.
        ///
        /// # Errors
        ///
        /// As `try_alloc`; the values taken from the iterator are lost.
        #[inline]
        pub fn try_alloc_slice_from_iter<$($generic,)? T>($self: $receiver, values: impl IntoIterator<Item = T>) -> Result<&$out mut [T], AllocError> {
            const { assert_no_drop::<T>() }
            $self.raw().try_from_iter(values.into_iter())
        }

        /// Copy text into the arena.
        ///
        /// # Panics
        ///
        /// As `alloc`.
        ///
        /// ```
        /// let arena = arena_core::Arena::new();
        /// assert_eq!(arena.alloc_str("Hello arena"), "Hello arena");
        /// ```
        #[inline]
        #[track_caller]
        pub fn alloc_str<$($generic)?>($self: $receiver, text: &str) -> &$out mut str {
            or_fail!($self.raw().try_str(text))
        }

        /// Copy text into the arena.
        ///
        /// # Errors
        ///
        /// As `try_alloc`.
        #[inline]
        pub fn try_alloc_str<$($generic)?>($self: $receiver, text: &str) -> Result<&$out mut str, AllocError> {
            $self.raw().try_str(text)
        }

        /// Write formatted text into the arena.
        ///
        /// # Panics
        ///
        /// As `alloc`; also if a `Display` implementation returns an error.
        ///
        /// ```
        /// let arena = arena_core::Arena::new();
        /// let text = arena.alloc_fmt(format_args!("base+{}", 128));
        /// assert_eq!(text, "base+128");
        /// ```
        #[track_caller]
        pub fn alloc_fmt<$($generic)?>($self: $receiver, text: fmt::Arguments<'_>) -> &$out mut str {
            or_fail!($self.raw().try_fmt(text))
        }

        /// Write formatted text into the arena.
        ///
        /// # Errors
        ///
        /// As `try_alloc`; also if a `Display` implementation returns an error.
        pub fn try_alloc_fmt<$($generic)?>($self: $receiver, text: fmt::Arguments<'_>) -> Result<&$out mut str, AllocError> {
            $self.raw().try_fmt(text)
        }

        /// Take a block of a given size and alignment; its bytes are whatever the policy says.
        ///
        /// A block of no bytes costs at most its padding: nothing, unless it is to be aligned more than
        /// any block of this arena is. (A type or a slice of no bytes costs nothing, whatever its
        /// alignment.) The pointer is aligned and not to be touched.
        ///
        /// # Panics
        ///
        /// As `alloc`.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_layout<$($generic)?>($self: $receiver, layout: Layout) -> NonNull<u8> {
            $self.raw().allocate_unasked_or_panic(layout)
        }

        /// Take a block of a given size and alignment.
        ///
        /// # Errors
        ///
        /// As `try_alloc`.
        ///
        /// ```
        /// use std::alloc::Layout;
        ///
        /// let arena = arena_core::Arena::new();
        /// let block = arena.try_alloc_layout(Layout::from_size_align(100, 64)?)?;
        /// assert!(block.addr().get().is_multiple_of(64));
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[inline(always)]
        pub fn try_alloc_layout<$($generic)?>($self: $receiver, layout: Layout) -> Result<NonNull<u8>, AllocError> {
            $self.raw().allocate_unasked(layout)
        }

        /// Take a block of zeroes. Memory that is known to be zero already (fresh from the OS, and never
        /// used) is not touched.
        ///
        /// # Panics
        ///
        /// As `alloc`.
        #[inline]
        #[track_caller]
        pub fn alloc_layout_zeroed<$($generic)?>($self: $receiver, layout: Layout) -> NonNull<u8> {
            or_fail!($self.raw().allocate_zeroed(layout))
        }

        /// Take a block of zeroes. Memory that is known to be zero already (fresh from the OS, and never
        /// used) is not touched.
        ///
        /// # Errors
        ///
        /// As `try_alloc`.
        #[inline]
        pub fn try_alloc_layout_zeroed<$($generic)?>($self: $receiver, layout: Layout) -> Result<NonNull<u8>, AllocError> {
            $self.raw().allocate_zeroed(layout)
        }
    };
}

pub(crate) use allocation_methods;
