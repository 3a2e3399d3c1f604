//! Arenas that nobody writes any more: built once, read by any number of threads.
#![expect(
    clippy::result_large_err,
    reason = "refused, the arena itself comes back"
)]

use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use crate::arena::Arena;
use crate::error::RegionError;
use crate::region::Access;

/// A value that is never written through a shared reference: no `Cell`, no atomic, no lock, in it or
/// in anything of the arena that it refers to.
///
/// # Safety
///
/// As it says. A frozen arena is read-only memory: a write through a shared reference would be a
/// fault.
pub unsafe trait ReadOnly {}

macro_rules! read_only {
    ($($type:ty),*) => {
        $(
            // SAFETY: plain data.
            unsafe impl ReadOnly for $type {}
        )*
    };
}

read_only!(
    (),
    bool,
    char,
    str,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64
);

// SAFETY: as its elements.
unsafe impl<T: ReadOnly> ReadOnly for [T] {}
// SAFETY: as its elements.
unsafe impl<T: ReadOnly, const N: usize> ReadOnly for [T; N] {}
// SAFETY: as what it refers to.
unsafe impl<T: ReadOnly + ?Sized> ReadOnly for &T {}
// SAFETY: as its value.
unsafe impl<T: ReadOnly> ReadOnly for Option<T> {}
// SAFETY: as its parts.
unsafe impl<A: ReadOnly, B: ReadOnly> ReadOnly for (A, B) {}
// SAFETY: as its parts.
unsafe impl<A: ReadOnly, B: ReadOnly, C: ReadOnly> ReadOnly for (A, B, C) {}

/// Names a type that refers into an arena, with the lifetime left open. Made by [`root!`](crate::root).
///
/// # Safety
///
/// `Of` is covariant: an `Of<'long>` is an `Of<'short>`.
pub unsafe trait Root {
    /// The type, for an arena that lives for `'a`.
    type Of<'a>: Sync + ReadOnly;
}

/// Name a type that refers into an arena, so that it can be the root of a [`FrozenArena`].
///
/// It does not build unless the type is covariant in the lifetime, `Sync` and [`ReadOnly`].
///
/// ```
/// pub struct Node<'a> {
///     word: &'a str,
///     children: &'a [Node<'a>],
/// }
/// // SAFETY: plain references.
/// unsafe impl arena_core::ReadOnly for Node<'_> {}
///
/// arena_core::root!(
///     /// The tree.
///     pub Tree<'a> = Node<'a>
/// );
///
/// let frozen = arena_core::Arena::new().freeze::<Tree>(|arena| {
///     let leaf = Node { word: arena.alloc_str("leaf"), children: &[] };
///     arena.alloc(Node { word: "root", children: arena.alloc_slice_fill_with(1, |_| Node { ..leaf }) })
/// }).unwrap();
/// assert_eq!(frozen.get().children[0].word, "leaf");
/// assert_eq!(frozen.get().word, "root");
/// ```
#[macro_export]
macro_rules! root {
    ($(#[$meta:meta])* $visibility:vis $name:ident<$life:lifetime> = $of:ty) => {
        $(#[$meta])*
        $visibility struct $name;

        // SAFETY: covariance is checked just below.
        unsafe impl $crate::Root for $name {
            type Of<$life> = $of;
        }

        const _: () = {
            #[allow(dead_code, reason = "it only has to build")]
            fn covariant<'long: 'short, 'short>(
                of: <$name as $crate::Root>::Of<'long>,
            ) -> <$name as $crate::Root>::Of<'short> {
                of
            }
        };
    };
}

/// An arena in read-only memory, and a value in it that any thread may read.
///
/// ```
/// arena_core::root!(Numbers<'a> = &'a [u64]);
///
/// let frozen = arena_core::Arena::new().freeze::<Numbers>(|arena| {
///     arena.alloc(&*arena.alloc_slice_from_iter(0..1000))
/// }).unwrap();
/// std::thread::scope(|threads| {
///     for _ in 0..3 {
///         threads.spawn(|| assert_eq!(frozen.get().iter().sum::<u64>(), 499_500));
///     }
/// });
/// let arena = frozen.thaw().unwrap();        // writable again, for its owner
/// assert_eq!(arena.used(), 8016);
/// ```
pub struct FrozenArena<R: Root, const MIN_ALIGN: usize = 8> {
    /// Its memory is read-only as long as it is in here.
    arena: ManuallyDrop<Arena<MIN_ALIGN>>,
    /// A value that lives as long as the arena's memory does not change.
    root: NonNull<R::Of<'static>>,
}

// SAFETY: all that can be reached is the root, which is `Sync`, and the arena by whoever owns the
// whole, and an arena can be sent.
unsafe impl<R: Root, const MIN_ALIGN: usize> Send for FrozenArena<R, MIN_ALIGN> {}
// SAFETY: through a shared reference only the root can be reached, which is `Sync`.
unsafe impl<R: Root, const MIN_ALIGN: usize> Sync for FrozenArena<R, MIN_ALIGN> {}

/// The OS refused to change the access to an arena's memory; the arena is as it was.
pub struct FreezeError<A> {
    /// What was to be frozen, or thawed.
    pub arena: A,
    /// What the OS refused.
    pub error: RegionError,
}

impl<const MIN_ALIGN: usize> Arena<MIN_ALIGN> {
    /// `mprotect(PROT_READ)`: build a value in the arena, and let nobody write to the arena any more.
    ///
    /// The arena is given up, so nothing that it has handed out can be in use; what is to be kept is
    /// built, or found, by `build`.
    ///
    /// # Errors
    ///
    /// The OS refuses; the arena comes back with the error.
    pub fn freeze<R: Root>(
        self,
        build: impl for<'a> FnOnce(&'a Self) -> &'a R::Of<'a>,
    ) -> Result<FrozenArena<R, MIN_ALIGN>, FreezeError<Self>> {
        let root = NonNull::from(build(&self)).cast::<R::Of<'static>>();
        let mut arena = ManuallyDrop::new(self);
        // SAFETY: `build` was the last to hold anything of the arena, and what it returned is only
        // read from now on.
        match unsafe { arena.raw_mut().protect(Access::ReadOnly) } {
            Ok(()) => Ok(FrozenArena { arena, root }),
            Err(error) => Err(FreezeError {
                arena: ManuallyDrop::into_inner(arena),
                error,
            }),
        }
    }
}

impl<R: Root, const MIN_ALIGN: usize> FrozenArena<R, MIN_ALIGN> {
    /// Look at the value.
    #[inline]
    pub fn get(&self) -> &R::Of<'_> {
        // SAFETY: the value is in the arena, or lives forever, and is never written; its lifetime is
        // covariant, so that of this borrow will do.
        unsafe { self.root.cast::<R::Of<'_>>().as_ref() }
    }

    /// Return the bytes in use, padding included.
    pub fn used(&self) -> usize {
        self.arena.used()
    }

    /// `mprotect(PROT_READ | PROT_WRITE)`: take the arena back, with everything in it.
    ///
    /// # Errors
    ///
    /// The OS refuses; the frozen arena comes back with the error.
    pub fn thaw(self) -> Result<Arena<MIN_ALIGN>, FreezeError<Self>> {
        let mut frozen = ManuallyDrop::new(self);
        // SAFETY: more access cannot hurt, and nobody looks at the value any more.
        match unsafe { frozen.arena.raw_mut().protect(Access::ReadWrite) } {
            // SAFETY: the frozen arena is not used again, nor dropped.
            Ok(()) => Ok(unsafe { ManuallyDrop::take(&mut frozen.arena) }),
            Err(error) => Err(FreezeError {
                arena: ManuallyDrop::into_inner(frozen),
                error,
            }),
        }
    }
}

impl<R: Root, const MIN_ALIGN: usize> Drop for FrozenArena<R, MIN_ALIGN> {
    fn drop(&mut self) {
        // Destructors that are owed write to their values. Refused, the arena is leaked.
        // SAFETY: more access cannot hurt, and nobody looks at the value any more.
        if unsafe { self.arena.raw_mut().protect(Access::ReadWrite) }.is_ok() {
            // SAFETY: not used again.
            unsafe { ManuallyDrop::drop(&mut self.arena) };
        }
    }
}

impl<R: Root, const MIN_ALIGN: usize> fmt::Debug for FrozenArena<R, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrozenArena")
            .field("arena", &*self.arena)
            .finish_non_exhaustive()
    }
}

impl<A> fmt::Debug for FreezeError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreezeError")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<A> fmt::Display for FreezeError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the access to the arena's memory could not be changed: {}",
            self.error
        )
    }
}

impl<A> core::error::Error for FreezeError<A> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests;
