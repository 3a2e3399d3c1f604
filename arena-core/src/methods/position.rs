//! What is more to an arena for one thread, and to its scopes.

/// What is more to an arena for one thread, and to its scopes: a position, and going back.
macro_rules! position_methods {
    ([$($generic:lifetime)?] $self:ident: $receiver:ty => $out:lifetime) => {
        /// Return an allocator for collections that live as long as what is handed out here.
        ///
        /// A reference to the arena or scope is an allocator too, but borrows it; this does not.
        #[cfg(feature = "_allocator")]
        #[inline]
        pub fn allocator<$($generic)?>($self: $receiver) -> ArenaRef<$out, MIN_ALIGN> {
            ArenaRef::to($self.raw())
        }

        /// Return the bytes in use, padding included.
        #[inline]
        pub fn used(&self) -> usize {
            self.raw().used()
        }

        /// Return the bytes that the arena has, used or not.
        pub fn capacity(&self) -> usize {
            self.raw().capacity()
        }

        /// Return the largest [`used`](Self::used) ever, in bytes.
        pub fn high_water_mark(&self) -> usize {
            self.stats().high_water_mark
        }

        /// Return the bytes that blocks may take, padding included.
        pub fn limit(&self) -> usize {
            self.stats().limit
        }

        /// Let blocks take so many bytes at most, padding included; more than the capacity means
        /// all of it.
        ///
        /// The limit holds for the last byte of a block. Set below what is in use, it takes nothing
        /// away: nothing more is handed out until enough has been rewound.
        pub fn set_limit(&self, bytes: usize) {
            self.raw().set_limit(bytes);
        }

        /// Return all the numbers at once.
        pub fn stats(&self) -> Stats {
            self.raw().stats()
        }

        /// Return the address of the first byte.
        pub fn base(&self) -> NonNull<u8> {
            self.raw().base()
        }

        /// Return how far behind the base a pointer into the used bytes points; `None` for any
        /// other pointer.
        pub fn offset_of<T: ?Sized>(&self, pointer: *const T) -> Option<usize> {
            self.raw().offset_of(pointer.cast())
        }

        /// Tell whether a pointer points into the used bytes.
        pub fn contains<T: ?Sized>(&self, pointer: *const T) -> bool {
            self.offset_of(pointer).is_some()
        }

        /// Remember where the bump pointer stands.
        ///
        /// [`scope`](Self::scope) does the same and rewinds by itself, without `unsafe`.
        #[inline]
        pub fn checkpoint(&self) -> Checkpoint {
            let raw = self.raw();
            Checkpoint::at(raw.bump().addr(), raw.base().addr().get())
        }

        /// Go back to a checkpoint: every block allocated since is given up, after the destructors
        /// owed to them.
        ///
        /// # Safety
        ///
        /// The checkpoint is of this arena, which has not been reset, or rewound to an earlier
        /// checkpoint, since it was taken. No block allocated since is used again, by anybody, also
        /// not by a destructor that this runs. No older block has been grown, shrunk or freed since:
        /// a vector that had room before may lie behind the checkpoint now. No scope that was opened
        /// since is still open, and none that was open then has ended.
        ///
        /// ```
        /// let arena = arena_core::Arena::new();
        /// let start = arena.checkpoint();
        /// assert_eq!(*arena.alloc(7_u64), 7);
        /// // SAFETY: the only block allocated since is not used any more.
        /// unsafe { arena.rewind(start) };
        /// assert_eq!(arena.used(), 0);
        /// ```
        #[inline]
        pub unsafe fn rewind(&self, checkpoint: Checkpoint) {
            let raw = self.raw();
            // SAFETY: by the caller's promise the checkpoint lies at or below the bump pointer and
            // nobody uses the bytes above it.
            unsafe { raw.rewind(raw.bump().with_addr(checkpoint.address())) };
        }

        /// Run `body` in a scope: everything it allocates is given up when it ends, also by a
        /// panic.
        ///
        /// What the scope hands out cannot leave it: that does not compile.
        ///
        /// ```
        /// let mut arena = arena_core::Arena::new();
        /// let sum = arena.scope(|scope| {
        ///     let numbers = scope.alloc_slice_from_iter(1..=4);
        ///     let inner: u32 = scope.scope(|inner| inner.alloc_slice_copy(&[10, 20]).iter().sum());
        ///     numbers.iter().sum::<u32>() + inner    // `numbers` outlives the scope within
        /// });
        /// assert_eq!((sum, arena.used()), (40, 0));
        /// ```
        #[inline]
        pub fn scope<'here, R>(
            &'here mut self,
            body: impl FnOnce(&mut Scope<'_, 'here, MIN_ALIGN>) -> R,
        ) -> R {
            Scope::run(self.raw(), body)
        }

        /// Open a scope that ends when the guard is dropped; for scopes that do not fit a closure.
        ///
        /// Forgetting the guard gives nothing up. The scope counts as open then until the one around
        /// it ends, or the arena is reset: collections of the scope around refuse to grow.
        ///
        /// ```
        /// let mut arena = arena_core::Arena::new();
        /// {
        ///     let mut guard = arena.scope_guard();
        ///     let scope = guard.scope();
        ///     assert_eq!(scope.alloc_str("Scoped allocator is born").len(), 24);
        /// }
        /// assert_eq!(arena.used(), 0);
        /// ```
        #[inline]
        pub fn scope_guard(&mut self) -> ScopeGuard<'_, MIN_ALIGN> {
            ScopeGuard::open(self.raw())
        }
    };
}

pub(crate) use position_methods;
