//! The calls that a traced arena and its scopes share: those of the arena, over one `place`.

/// Return what was handed out, or panic with the arena's own words.
macro_rules! or_panic {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    };
}

pub(super) use or_panic;

/// Refuse, when the program is built, a type whose destructor would never run.
pub(super) const fn assert_no_drop<T>() {
    assert!(
        !std::mem::needs_drop::<T>(),
        "an arena runs no destructors: use alloc_drop"
    );
}

/// Hand out what an arena hands out, from `place`.
macro_rules! allocation_methods {
    ([$($generic:lifetime)?] $self:ident: $receiver:ty => $out:lifetime) => {
        /// Put a value into the arena, or drop it and say why not.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline(always)]
        #[track_caller]
        pub fn try_alloc<$($generic,)? T>($self: $receiver, value: T) -> Result<&$out mut T, AllocError> {
            const { methods::assert_no_drop::<T>() }
            Ok($self.try_alloc_uninit()?.write(value))
        }

        /// Put a value into the arena.
        ///
        /// # Panics
        ///
        /// The arena is exhausted.
        #[inline(always)]
        #[track_caller]
        pub fn alloc<$($generic,)? T>($self: $receiver, value: T) -> &$out mut T {
            methods::or_panic!($self.try_alloc(value))
        }

        /// Put a value into the arena whose destructor will never run, or drop it and say why not.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline(always)]
        #[track_caller]
        pub fn try_alloc_leaky<$($generic,)? T>($self: $receiver, value: T) -> Result<&$out mut T, AllocError> {
            Ok($self.try_alloc_uninit()?.write(value))
        }

        /// Put a value into the arena whose destructor will never run.
        ///
        /// # Panics
        ///
        /// The arena is exhausted.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_leaky<$($generic,)? T>($self: $receiver, value: T) -> &$out mut T {
            methods::or_panic!($self.try_alloc_leaky(value))
        }

        /// Put a value into the arena and own it, or drop it and say why not.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline]
        #[track_caller]
        pub fn try_alloc_box<$($generic,)? T>($self: $receiver, value: T) -> Result<ArenaBox<$out, T>, AllocError> {
            let block = $self.place(Layout::new::<T>())?;
            // SAFETY: the block was handed out for a `T` just now, and for nobody else.
            Ok(unsafe { ArenaBox::in_block(block, value) })
        }

        /// Put a value into the arena and own it: it is dropped with the box.
        ///
        /// # Panics
        ///
        /// The arena is exhausted.
        #[inline]
        #[track_caller]
        pub fn alloc_box<$($generic,)? T>($self: $receiver, value: T) -> ArenaBox<$out, T> {
            methods::or_panic!($self.try_alloc_box(value))
        }

        /// Make a value in its place in the arena, if there is one. The place is taken before `make` runs.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline(always)]
        #[track_caller]
        pub fn try_alloc_with<$($generic,)? T>($self: $receiver, make: impl FnOnce() -> T) -> Result<&$out mut T, AllocError> {
            const { methods::assert_no_drop::<T>() }
            Ok($self.try_alloc_uninit()?.write(make()))
        }

        /// Make a value in its place in the arena. The place is taken before `make` runs.
        ///
        /// # Panics
        ///
        /// The arena is exhausted; also whatever `make` panics with.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_with<$($generic,)? T>($self: $receiver, make: impl FnOnce() -> T) -> &$out mut T {
            methods::or_panic!($self.try_alloc_with(make))
        }

        /// Take room for a value that comes later.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline(always)]
        #[track_caller]
        pub fn try_alloc_uninit<$($generic,)? T>($self: $receiver) -> Result<&$out mut MaybeUninit<T>, AllocError> {
            let block = $self.place(Layout::new::<T>())?.cast();
            // SAFETY: the block was handed out for a `T` just now, and for nobody else.
            Ok(unsafe { &mut *block.as_ptr() })
        }

        /// Take room for a value that comes later.
        ///
        /// # Panics
        ///
        /// The arena is exhausted.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_uninit<$($generic,)? T>($self: $receiver) -> &$out mut MaybeUninit<T> {
            methods::or_panic!($self.try_alloc_uninit())
        }

        /// Take room for `len` values that come later.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step, or `len` values exceed `isize::MAX` bytes.
        #[inline(always)]
        #[track_caller]
        pub fn try_alloc_slice_uninit<$($generic,)? T>($self: $receiver, len: usize) -> Result<&$out mut [MaybeUninit<T>], AllocError> {
            let too_large = AllocError::TooLarge { count: len, element_size: size_of::<T>() };
            let layout = Layout::array::<T>(len).map_err(|_| too_large)?;
            let block = NonNull::slice_from_raw_parts($self.place(layout)?.cast(), len);
            // SAFETY: the block was handed out for `len` values just now, and for nobody else.
            Ok(unsafe { &mut *block.as_ptr() })
        }

        /// Take room for `len` values that come later.
        ///
        /// # Panics
        ///
        /// The arena is exhausted, or `len` values exceed `isize::MAX` bytes.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_slice_uninit<$($generic,)? T>($self: $receiver, len: usize) -> &$out mut [MaybeUninit<T>] {
            methods::or_panic!($self.try_alloc_slice_uninit(len))
        }

        /// Put `len` values into the arena, each made from its index.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline]
        #[track_caller]
        pub fn try_alloc_slice_fill_with<$($generic,)? T>($self: $receiver, len: usize, mut value_at: impl FnMut(usize) -> T) -> Result<&$out mut [T], AllocError> {
            const { methods::assert_no_drop::<T>() }
            let slice = $self.try_alloc_slice_uninit(len)?;
            for (index, place) in slice.iter_mut().enumerate() {
                place.write(value_at(index));
            }
            // SAFETY: each of them was written just now.
            Ok(unsafe { slice.assume_init_mut() })
        }

        /// Put `len` values into the arena, each made from its index.
        ///
        /// # Panics
        ///
        /// The arena is exhausted; also whatever `value_at` panics with.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_fill_with<$($generic,)? T>($self: $receiver, len: usize, value_at: impl FnMut(usize) -> T) -> &$out mut [T] {
            methods::or_panic!($self.try_alloc_slice_fill_with(len, value_at))
        }

        /// Put `len` copies of a value into the arena.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline]
        #[track_caller]
        pub fn try_alloc_slice_fill_copy<$($generic,)? T: Copy>($self: $receiver, len: usize, value: T) -> Result<&$out mut [T], AllocError> {
            $self.try_alloc_slice_fill_with(len, |_| value)
        }

        /// Put `len` copies of a value into the arena.
        ///
        /// # Panics
        ///
        /// The arena is exhausted.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_fill_copy<$($generic,)? T: Copy>($self: $receiver, len: usize, value: T) -> &$out mut [T] {
            methods::or_panic!($self.try_alloc_slice_fill_copy(len, value))
        }

        /// Copy a slice into the arena.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline]
        #[track_caller]
        pub fn try_alloc_slice_copy<$($generic,)? T: Copy>($self: $receiver, source: &[T]) -> Result<&$out mut [T], AllocError> {
            $self.try_alloc_slice_fill_with(source.len(), |index| source[index])
        }

        /// Copy a slice into the arena.
        ///
        /// # Panics
        ///
        /// The arena is exhausted.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_copy<$($generic,)? T: Copy>($self: $receiver, source: &[T]) -> &$out mut [T] {
            methods::or_panic!($self.try_alloc_slice_copy(source))
        }

        /// Clone a slice into the arena.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline]
        #[track_caller]
        pub fn try_alloc_slice_clone<$($generic,)? T: Clone>($self: $receiver, source: &[T]) -> Result<&$out mut [T], AllocError> {
            $self.try_alloc_slice_fill_with(source.len(), |index| source[index].clone())
        }

        /// Clone a slice into the arena.
        ///
        /// # Panics
        ///
        /// The arena is exhausted; also whatever `clone` panics with.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_clone<$($generic,)? T: Clone>($self: $receiver, source: &[T]) -> &$out mut [T] {
            methods::or_panic!($self.try_alloc_slice_clone(source))
        }

        /// Put what an iterator yields into the arena. The values are gathered outside of it first.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline]
        #[track_caller]
        pub fn try_alloc_slice_from_iter<$($generic,)? T>($self: $receiver, values: impl IntoIterator<Item = T>) -> Result<&$out mut [T], AllocError> {
            const { methods::assert_no_drop::<T>() }
            let mut values = values.into_iter().collect::<Vec<T>>().into_iter();
            let len = values.len();
            $self.try_alloc_slice_fill_with(len, |_| values.next().expect("as many as were counted"))
        }

        /// Put what an iterator yields into the arena. The values are gathered outside of it first.
        ///
        /// # Panics
        ///
        /// The arena is exhausted; also whatever the iterator panics with.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_from_iter<$($generic,)? T>($self: $receiver, values: impl IntoIterator<Item = T>) -> &$out mut [T] {
            methods::or_panic!($self.try_alloc_slice_from_iter(values))
        }

        /// Copy text into the arena.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline]
        #[track_caller]
        pub fn try_alloc_str<$($generic)?>($self: $receiver, text: &str) -> Result<&$out mut str, AllocError> {
            let bytes = $self.try_alloc_slice_copy(text.as_bytes())?;
            // SAFETY: a copy of text.
            Ok(unsafe { std::str::from_utf8_unchecked_mut(bytes) })
        }

        /// Copy text into the arena.
        ///
        /// # Panics
        ///
        /// The arena is exhausted.
        #[inline]
        #[track_caller]
        pub fn alloc_str<$($generic)?>($self: $receiver, text: &str) -> &$out mut str {
            methods::or_panic!($self.try_alloc_str(text))
        }

        /// Write formatted text into the arena.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline]
        #[track_caller]
        pub fn try_alloc_fmt<$($generic)?>($self: $receiver, text: fmt::Arguments<'_>) -> Result<&$out mut str, AllocError> {
            $self.try_alloc_str(&text.to_string())
        }

        /// Write formatted text into the arena.
        ///
        /// # Panics
        ///
        /// The arena is exhausted; also if a `Display` implementation returns an error.
        #[inline]
        #[track_caller]
        pub fn alloc_fmt<$($generic)?>($self: $receiver, text: fmt::Arguments<'_>) -> &$out mut str {
            methods::or_panic!($self.try_alloc_fmt(text))
        }

        /// Take a block of a given size and alignment.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline(always)]
        #[track_caller]
        pub fn try_alloc_layout<$($generic)?>($self: $receiver, layout: Layout) -> Result<NonNull<u8>, AllocError> {
            $self.place(layout)
        }

        /// Take a block of a given size and alignment.
        ///
        /// # Panics
        ///
        /// The arena is exhausted.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_layout<$($generic)?>($self: $receiver, layout: Layout) -> NonNull<u8> {
            methods::or_panic!($self.try_alloc_layout(layout))
        }

        /// Take a block of zeroes.
        ///
        /// # Errors
        ///
        /// The arena is exhausted, or the OS refuses the next step.
        #[inline]
        #[track_caller]
        pub fn try_alloc_layout_zeroed<$($generic)?>($self: $receiver, layout: Layout) -> Result<NonNull<u8>, AllocError> {
            let block = $self.place(layout)?;
            // SAFETY: the block was handed out just now, and has that many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
            Ok(block)
        }

        /// Take a block of zeroes.
        ///
        /// # Panics
        ///
        /// The arena is exhausted.
        #[inline]
        #[track_caller]
        pub fn alloc_layout_zeroed<$($generic)?>($self: $receiver, layout: Layout) -> NonNull<u8> {
            methods::or_panic!($self.try_alloc_layout_zeroed(layout))
        }
    };
}

pub(super) use allocation_methods;
