//! A vector whose elements, and whose end, are the arena's affair.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use allocator_api2_02::vec::{IntoIter, Vec};

use crate::fill::assert_no_drop;
use crate::reference::ArenaRef;

/// A vector in an arena or scope, for as long as `'a`.
///
/// It runs no destructor, neither its own nor its elements' (which must not need one: that is refused
/// when the program is built), so that it may be part of a value that is put into the arena itself.
/// For the rest it is the [`Vec`] of allocator-api2, to which it dereferences. While it is the last
/// to allocate, it grows in place.
///
/// ```
/// use arena_core::{Arena, ArenaVec};
///
/// struct Node<'a> {
///     name: &'a str,
///     children: ArenaVec<'a, &'a Node<'a>>,
/// }
///
/// let arena = Arena::new();
/// let leaf = arena.alloc(Node { name: "leaf", children: ArenaVec::new_in(&arena) });
/// let root = arena.alloc(Node { name: "root", children: ArenaVec::new_in(&arena) });
/// root.children.push(leaf);
/// assert_eq!((root.name, root.children[0].name), ("root", "leaf"));
/// assert!(leaf_count(root) == 1);
///
/// fn leaf_count(node: &Node<'_>) -> usize {
///     if node.children.is_empty() { 1 } else { node.children.iter().map(|node| leaf_count(node)).sum() }
/// }
/// ```
pub struct ArenaVec<'a, T, const MIN_ALIGN: usize = 8> {
    vec: ManuallyDrop<Vec<T, ArenaRef<'a, MIN_ALIGN>>>,
}

impl<'a, T, const MIN_ALIGN: usize> ArenaVec<'a, T, MIN_ALIGN> {
    /// Make an empty vector in an arena or scope. Nothing is allocated yet.
    #[inline]
    #[must_use]
    pub fn new_in(place: impl Into<ArenaRef<'a, MIN_ALIGN>>) -> Self {
        const { assert_no_drop::<T>() }
        Self {
            vec: ManuallyDrop::new(Vec::new_in(place.into())),
        }
    }

    /// Make an empty vector with room for `capacity` elements.
    ///
    /// # Panics
    ///
    /// The arena is exhausted.
    #[inline]
    #[must_use]
    pub fn with_capacity_in(capacity: usize, place: impl Into<ArenaRef<'a, MIN_ALIGN>>) -> Self {
        const { assert_no_drop::<T>() }
        Self {
            vec: ManuallyDrop::new(Vec::with_capacity_in(capacity, place.into())),
        }
    }

    /// Make a vector of what an iterator yields.
    ///
    /// # Panics
    ///
    /// The arena is exhausted; also whatever the iterator panics with.
    pub fn from_iter_in(
        values: impl IntoIterator<Item = T>,
        place: impl Into<ArenaRef<'a, MIN_ALIGN>>,
    ) -> Self {
        let mut vec = Self::new_in(place);
        vec.extend(values);
        vec
    }

    /// Keep the elements and give up growing.
    #[inline]
    pub fn into_slice(self) -> &'a mut [T]
    where
        T: 'a,
    {
        ManuallyDrop::into_inner(self.vec).leak()
    }
}

impl<'a, T, const MIN_ALIGN: usize> Deref for ArenaVec<'a, T, MIN_ALIGN> {
    type Target = Vec<T, ArenaRef<'a, MIN_ALIGN>>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.vec
    }
}

impl<T, const MIN_ALIGN: usize> DerefMut for ArenaVec<'_, T, MIN_ALIGN> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.vec
    }
}

impl<T: Clone, const MIN_ALIGN: usize> Clone for ArenaVec<'_, T, MIN_ALIGN> {
    fn clone(&self) -> Self {
        Self {
            vec: self.vec.clone(),
        }
    }
}

impl<T: fmt::Debug, const MIN_ALIGN: usize> fmt::Debug for ArenaVec<'_, T, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl<T: PartialEq, const MIN_ALIGN: usize> PartialEq<[T]> for ArenaVec<'_, T, MIN_ALIGN> {
    fn eq(&self, other: &[T]) -> bool {
        self.as_slice() == other
    }
}

impl<T: PartialEq, const N: usize, const MIN_ALIGN: usize> PartialEq<[T; N]>
    for ArenaVec<'_, T, MIN_ALIGN>
{
    fn eq(&self, other: &[T; N]) -> bool {
        self.as_slice() == other
    }
}

impl<T: PartialEq, const MIN_ALIGN: usize> PartialEq for ArenaVec<'_, T, MIN_ALIGN> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Eq, const MIN_ALIGN: usize> Eq for ArenaVec<'_, T, MIN_ALIGN> {}

impl<T, const MIN_ALIGN: usize> AsRef<[T]> for ArenaVec<'_, T, MIN_ALIGN> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<'a, T, const MIN_ALIGN: usize> IntoIterator for ArenaVec<'a, T, MIN_ALIGN> {
    type Item = T;
    type IntoIter = IntoIter<T, ArenaRef<'a, MIN_ALIGN>>;

    fn into_iter(self) -> Self::IntoIter {
        ManuallyDrop::into_inner(self.vec).into_iter()
    }
}

impl<'v, T, const MIN_ALIGN: usize> IntoIterator for &'v ArenaVec<'_, T, MIN_ALIGN> {
    type Item = &'v T;
    type IntoIter = core::slice::Iter<'v, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'v, T, const MIN_ALIGN: usize> IntoIterator for &'v mut ArenaVec<'_, T, MIN_ALIGN> {
    type Item = &'v mut T;
    type IntoIter = core::slice::IterMut<'v, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T, const MIN_ALIGN: usize> Extend<T> for ArenaVec<'_, T, MIN_ALIGN> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        self.vec.extend(values);
    }
}
