//! One adapter for both versions of allocator-api2: the traits differ in name only.

/// Defines `ViaAllocator` over the version of the trait that `$api` has.
macro_rules! define_via_allocator {
    ($api:ident, $module:literal) => {
        use std::alloc::Layout;
        use std::any::Any;
        use std::fmt;
        use std::ops::Range;
        use std::ptr::NonNull;

        use $api::alloc::Allocator;

        use crate::subject::{
            Contents, Promises, Ranges, Refused, Reset, Rewind, Subject, unpromised,
        };

        /// Any `Allocator` as a subject: an owned `T` whose references allocate.
        ///
        /// That is an arena, which implements the trait for `&Arena` so that it can be
        /// reset through `&mut Arena`; and every allocator that implements it by itself,
        /// for then its references do as well.
        ///
        /// ```
        #[doc = concat!("use ", stringify!($api), "::alloc::Global;")]
        #[doc = concat!("use tests::adapters::", $module, "::ViaAllocator;")]
        /// use tests::subject::Promises;
        ///
        /// tests::conformance::run(|| ViaAllocator::new(Global, Promises::malloc())).unwrap();
        /// ```
        ///
        /// For an arena, say what else it can do:
        ///
        /// ```text
        /// ViaAllocator::new(Arena::new(), Promises::arena(1 << 20))
        ///     .reset_with(Arena::reset)
        ///     .rewind_with(
        ///         Rewind::OlderBlocksRest,
        ///         |arena| arena.checkpoint(),
        ///         // SAFETY: the suite uses no block born since.
        ///         |arena, checkpoint| unsafe { arena.rewind(checkpoint) },
        ///     )
        ///     .within(|arena| arena.addresses())
        /// ```
        pub struct ViaAllocator<T> {
            /// In a box, so that moving the adapter never moves an arena that holds its
            /// memory inside itself.
            allocator: Box<T>,
            promises: Promises,
            reset: Option<ResetFn<T>>,
            rewind: Option<(CheckpointFn<T>, RewindFn<T>)>,
            range: Option<RangeFn<T>>,
            check: Option<CheckFn<T>>,
        }

        type ResetFn<T> = Box<dyn Fn(&mut T)>;
        type CheckpointFn<T> = Box<dyn Fn(&T) -> Box<dyn Any>>;
        type RewindFn<T> = Box<dyn Fn(&T, Box<dyn Any>)>;
        type RangeFn<T> = Box<dyn Fn(&T) -> Range<usize>>;
        type CheckFn<T> = Box<dyn Fn(&T) -> Result<(), String>>;

        impl<T> ViaAllocator<T>
        where
            for<'a> &'a T: Allocator,
        {
            /// Takes an allocator and what it promises; how it resets and rewinds is for
            /// the methods below to say.
            pub fn new(allocator: T, promises: Promises) -> Self {
                let allocator = Box::new(allocator);
                let (reset, rewind) = (Reset::Absent, Rewind::Absent);
                let promises = Promises {
                    reset,
                    rewind,
                    ..promises
                };
                ViaAllocator {
                    allocator,
                    promises,
                    reset: None,
                    rewind: None,
                    range: None,
                    check: None,
                }
            }

            /// Says how to reset it, and promises that it can be.
            pub fn reset_with(mut self, reset: impl Fn(&mut T) + 'static) -> Self {
                self.promises.reset = Reset::Empties;
                self.reset = Some(Box::new(reset));
                self
            }

            /// Says how to take a checkpoint and how to rewind to it, and promises `rewind`.
            ///
            /// Both get a shared reference: older blocks live on, and a `&mut` to an arena
            /// that holds them inside itself would end every pointer to them.
            ///
            /// # Panics
            ///
            /// If `rewind` is [`Rewind::Absent`], for that contradicts the rest.
            pub fn rewind_with<C: 'static>(
                mut self,
                rewind: Rewind,
                checkpoint: impl Fn(&T) -> C + 'static,
                rewind_to: impl Fn(&T, C) + 'static,
            ) -> Self {
                assert_ne!(rewind, Rewind::Absent, "a way to rewind was given");
                self.promises.rewind = rewind;
                self.rewind = Some((
                    Box::new(move |allocator| Box::new(checkpoint(allocator))),
                    Box::new(move |allocator, position| match position.downcast::<C>() {
                        Ok(position) => rewind_to(allocator, *position),
                        Err(_) => panic!("a checkpoint of another subject was given"),
                    }),
                ));
                self
            }

            /// Says where its blocks lie; asked again after every operation.
            pub fn within(mut self, range: impl Fn(&T) -> Range<usize> + 'static) -> Self {
                self.range = Some(Box::new(range));
                self
            }

            /// Says how it validates itself; asked after every operation.
            pub fn check_with(
                mut self,
                check: impl Fn(&T) -> Result<(), String> + 'static,
            ) -> Self {
                self.check = Some(Box::new(check));
                self
            }

            /// Lends the allocator.
            pub fn allocator(&self) -> &T {
                &self.allocator
            }
        }

        // SAFETY: payloads are what the allocator hands out, valid by the contract of
        // `Allocator` until freed; and after a reset or rewind the suite uses none.
        unsafe impl<T> Subject for ViaAllocator<T>
        where
            for<'a> &'a T: Allocator,
        {
            type Handle = NonNull<[u8]>;
            type Checkpoint = Box<dyn Any>;

            fn promises(&self) -> Promises {
                self.promises
            }

            fn alloc(
                &mut self,
                layout: Layout,
                contents: Contents,
            ) -> Result<NonNull<[u8]>, Refused> {
                let allocator = &*self.allocator;
                let served = match contents {
                    Contents::Uninit => allocator.allocate(layout),
                    Contents::Zeroed => allocator.allocate_zeroed(layout),
                };
                served.map_err(|_| Refused)
            }

            unsafe fn free(&mut self, handle: NonNull<[u8]>, layout: Layout) {
                let allocator = &*self.allocator;
                // SAFETY: the caller's word: live, and of this layout.
                unsafe { allocator.deallocate(handle.cast(), layout) }
            }

            fn address(&self, handle: &NonNull<[u8]>) -> NonNull<u8> {
                handle.cast()
            }

            fn usable(&self, handle: &NonNull<[u8]>, _layout: Layout) -> usize {
                handle.len()
            }

            unsafe fn grow(
                &mut self,
                handle: &NonNull<[u8]>,
                old: Layout,
                new: Layout,
                contents: Contents,
            ) -> Result<NonNull<[u8]>, Refused> {
                let (allocator, payload) = (&*self.allocator, handle.cast());
                let served = match contents {
                    // SAFETY: the caller's word: live, of layout `old`, and `new` not smaller.
                    Contents::Uninit => unsafe { allocator.grow(payload, old, new) },
                    // SAFETY: likewise.
                    Contents::Zeroed => unsafe { allocator.grow_zeroed(payload, old, new) },
                };
                served.map_err(|_| Refused)
            }

            unsafe fn shrink(
                &mut self,
                handle: &NonNull<[u8]>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, Refused> {
                let (allocator, payload) = (&*self.allocator, handle.cast());
                // SAFETY: the caller's word: live, of layout `old`, and `new` not larger.
                let served = unsafe { allocator.shrink(payload, old, new) };
                served.map_err(|_| Refused)
            }

            fn reset(&mut self) {
                match &self.reset {
                    Some(reset) => reset(&mut self.allocator),
                    None => unpromised("reset"),
                }
            }

            fn checkpoint(&mut self) -> Box<dyn Any> {
                match &self.rewind {
                    Some((checkpoint, _)) => checkpoint(&self.allocator),
                    None => unpromised("checkpoint"),
                }
            }

            unsafe fn rewind(&mut self, checkpoint: Box<dyn Any>) {
                match &self.rewind {
                    Some((_, rewind)) => rewind(&self.allocator, checkpoint),
                    None => unpromised("rewind"),
                }
            }

            fn ranges(&self) -> Ranges {
                match &self.range {
                    Some(range) => Ranges::Within(vec![range(&self.allocator)]),
                    None => Ranges::Undeclared,
                }
            }

            fn check(&self) -> Result<(), String> {
                self.check
                    .as_ref()
                    .map_or(Ok(()), |check| check(&self.allocator))
            }
        }

        impl<T> fmt::Debug for ViaAllocator<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("ViaAllocator")
                    .field("promises", &self.promises)
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use define_via_allocator;
