//! A value in an arena that somebody owns.

use core::borrow::{Borrow, BorrowMut};
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// Owns a value in an arena, of any type, and drops it.
///
/// Dropping the box runs the value's destructor; the block stays in the arena until that is rewound
/// or reset. Forgotten, it leaks what the value owns, and nothing else.
///
/// It cannot be pinned: an arena may give up the block of a box that was forgotten, without a drop.
///
/// ```
/// use arena_core::{Arena, ArenaBox};
///
/// let arena = Arena::new();
/// let name: ArenaBox<'_, String> = arena.alloc_box(String::from("Second block too."));
/// assert_eq!(name.len(), 17);
/// let name: String = name.into_inner();
/// # drop(name);
/// ```
pub struct ArenaBox<'a, T> {
    /// A value in place, in a block that is nobody else's for `'a`.
    value: NonNull<T>,
    owned: PhantomData<(&'a mut (), T)>,
}

// SAFETY: a box owns its value, and nothing of the arena: it never allocates or frees.
unsafe impl<T: Send> Send for ArenaBox<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for ArenaBox<'_, T> {}

impl<'a, T> ArenaBox<'a, T> {
    /// Put a value into a block that an arena has handed out, and own it: for wrappers of an arena.
    ///
    /// ```
    /// use std::alloc::Layout;
    ///
    /// let arena = arena_core::Arena::new();
    /// let block = arena.alloc_layout(Layout::new::<String>());
    /// // SAFETY: handed out for a `String` just now, and the arena outlives the box.
    /// let name: arena_core::ArenaBox<'_, String> =
    ///     unsafe { arena_core::ArenaBox::in_block(block, String::from("First block ok.")) };
    /// assert_eq!(name.len(), 15);
    /// ```
    ///
    /// # Safety
    ///
    /// The block was handed out for a `T`, is used by nobody else, and lives for `'a`.
    #[inline]
    pub unsafe fn in_block(block: NonNull<u8>, value: T) -> Self {
        let block = block.cast::<T>();
        // SAFETY: the block is aligned and large enough for a `T`, and nobody else's.
        unsafe { block.write(value) };
        Self {
            value: block,
            owned: PhantomData,
        }
    }

    /// Take the value out of the arena.
    #[inline]
    pub fn into_inner(self) -> T {
        let boxed = ManuallyDrop::new(self);
        // SAFETY: the value is in place, and the box, which would drop it, is not used again.
        unsafe { boxed.value.read() }
    }

    /// Give the value up to the arena; its destructor never runs.
    #[inline]
    pub fn leak(self) -> &'a mut T
    where
        T: 'a,
    {
        let mut boxed = ManuallyDrop::new(self);
        // SAFETY: the value is in place, and nobody else's for `'a`.
        unsafe { boxed.value.as_mut() }
    }
}

impl<T> Drop for ArenaBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the box owns the value, which is in place, and is not used again.
        unsafe { self.value.drop_in_place() }
    }
}

impl<T> Deref for ArenaBox<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the box owns the value, and is borrowed.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for ArenaBox<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the box owns the value, and is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

impl<T> AsRef<T> for ArenaBox<'_, T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T> AsMut<T> for ArenaBox<'_, T> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T> Borrow<T> for ArenaBox<'_, T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T> BorrowMut<T> for ArenaBox<'_, T> {
    fn borrow_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: fmt::Debug> fmt::Debug for ArenaBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for ArenaBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: PartialEq> PartialEq for ArenaBox<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for ArenaBox<'_, T> {}

impl<T: PartialOrd> PartialOrd for ArenaBox<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        (**self).partial_cmp(other)
    }
}

impl<T: Ord> Ord for ArenaBox<'_, T> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (**self).cmp(other)
    }
}

impl<T: Hash> Hash for ArenaBox<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<I: Iterator> Iterator for ArenaBox<'_, I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        (**self).next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (**self).size_hint()
    }
}
