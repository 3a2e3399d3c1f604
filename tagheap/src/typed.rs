//! Blocks that hold a value.

use core::fmt;
use core::marker::PhantomData;

use zerocopy::{FromBytes, IntoBytes, KnownLayout};

use crate::error::Error;
use crate::handle::Handle;
use crate::heap::TagHeap;
use crate::tag::Tag;

/// Names a block that holds a `T`.
///
/// `T` is plain data: any bytes are one (`FromBytes`), it has no padding (`IntoBytes`), and so nothing
/// that would need to be dropped.
pub struct Typed<T> {
    handle: Handle,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Typed<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Typed<T> {}

impl<T> PartialEq for Typed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.handle == other.handle
    }
}

impl<T> Eq for Typed<T> {}

impl<T> fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

impl<T> Typed<T> {
    /// Return the handle of the block.
    #[must_use]
    pub fn handle(self) -> Handle {
        self.handle
    }
}

impl TagHeap<'_> {
    /// Allocate a block for a value, aligned as its type.
    ///
    /// ```
    /// use tagheap::{Options, Tag, TagHeap};
    ///
    /// let mut memory = vec![0; 16 * 1024];
    /// let heap = TagHeap::create(&mut memory, &Options::new())?;
    /// let counter = heap.alloc_value(41_u64, Tag::head(1)?)?;
    /// heap.with_value(counter, |count| *count += 1)?;
    /// assert_eq!(heap.get(counter)?, 42);
    /// heap.free(counter.handle())?;
    /// assert!(heap.get(counter).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`alloc_aligned`](TagHeap::alloc_aligned).
    pub fn alloc_value<T: FromBytes + IntoBytes + KnownLayout>(
        &self,
        value: T,
        tag: Tag,
    ) -> Result<Typed<T>, Error> {
        let handle = self.alloc_aligned(size_of::<T>(), align_of::<T>(), tag)?;
        let typed = Typed {
            handle,
            value: PhantomData,
        };
        self.set(typed, value)?;
        Ok(typed)
    }

    /// Copy a value out of its block.
    ///
    /// # Errors
    ///
    /// As [`pin`](TagHeap::pin); [`Error::WrongSize`] if the block was resized.
    pub fn get<T: FromBytes>(&self, typed: Typed<T>) -> Result<T, Error> {
        self.with(typed.handle, |bytes| {
            let wrong = wrong_size::<T>(bytes.len());
            let (value, _) = T::read_from_prefix(bytes).map_err(|_| wrong)?;
            Ok(value)
        })?
    }

    /// Write a value into its block.
    ///
    /// # Errors
    ///
    /// As [`pin_mut`](TagHeap::pin_mut); [`Error::WrongSize`] if the block was resized.
    pub fn set<T: FromBytes + IntoBytes + KnownLayout>(
        &self,
        typed: Typed<T>,
        value: T,
    ) -> Result<(), Error> {
        self.with_value(typed, |place| *place = value)
    }

    /// Use a value in its block, which stays where it is meanwhile.
    ///
    /// # Errors
    ///
    /// As [`pin_mut`](TagHeap::pin_mut); [`Error::WrongSize`] if the block was resized.
    pub fn with_value<T: FromBytes + IntoBytes + KnownLayout, R>(
        &self,
        typed: Typed<T>,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, Error> {
        self.with_mut(typed.handle, |bytes| {
            let wrong = wrong_size::<T>(bytes.len());
            let (value, _) = T::mut_from_prefix(bytes).map_err(|_| wrong)?;
            Ok(change(value))
        })?
    }
}

fn wrong_size<T>(block: usize) -> Error {
    let value = size_of::<T>();
    Error::WrongSize { block, value }
}
