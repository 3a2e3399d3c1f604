//! Text that grows in an arena.

use core::fmt;
use core::ops::{Deref, DerefMut};

use super::ArenaVec;
use crate::reference::ArenaRef;

/// Text in an arena or scope, for as long as `'a`. It runs no destructor.
///
/// ```
/// use core::fmt::Write;
/// use arena_core::{Arena, ArenaString};
///
/// let arena = Arena::new();
/// let mut text = ArenaString::new_in(&arena);
/// write!(text, "base+{}", 128)?;
/// text.push('!');
/// assert_eq!(text, "base+128!");
/// let text: &str = text.into_str();
/// # Ok::<(), core::fmt::Error>(())
/// ```
#[derive(Clone)]
pub struct ArenaString<'a, const MIN_ALIGN: usize = 8> {
    /// UTF-8, always.
    bytes: ArenaVec<'a, u8, MIN_ALIGN>,
}

impl<'a, const MIN_ALIGN: usize> ArenaString<'a, MIN_ALIGN> {
    /// Make empty text in an arena or scope. Nothing is allocated yet.
    #[inline]
    #[must_use]
    pub fn new_in(place: impl Into<ArenaRef<'a, MIN_ALIGN>>) -> Self {
        Self {
            bytes: ArenaVec::new_in(place),
        }
    }

    /// Make empty text with room for `capacity` bytes.
    ///
    /// # Panics
    ///
    /// The arena is exhausted.
    #[inline]
    #[must_use]
    pub fn with_capacity_in(capacity: usize, place: impl Into<ArenaRef<'a, MIN_ALIGN>>) -> Self {
        Self {
            bytes: ArenaVec::with_capacity_in(capacity, place),
        }
    }

    /// Copy text.
    ///
    /// # Panics
    ///
    /// The arena is exhausted.
    #[must_use]
    pub fn from_str_in(text: &str, place: impl Into<ArenaRef<'a, MIN_ALIGN>>) -> Self {
        let mut copy = Self::with_capacity_in(text.len(), place);
        copy.push_str(text);
        copy
    }

    /// Append text.
    ///
    /// # Panics
    ///
    /// The arena is exhausted.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Append a character.
    ///
    /// # Panics
    ///
    /// The arena is exhausted.
    #[inline]
    pub fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    /// Take the last character away.
    pub fn pop(&mut self) -> Option<char> {
        let last = self.chars().next_back()?;
        let rest = self.len() - last.len_utf8();
        self.bytes.truncate(rest);
        Some(last)
    }

    /// Shorten the text to `len` bytes; longer than it is, it stays.
    ///
    /// # Panics
    ///
    /// `len` lies within a character.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len() {
            assert!(
                self.is_char_boundary(len),
                "byte {len} lies within a character"
            );
            self.bytes.truncate(len);
        }
    }

    /// Take all of the text away; the room for it stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Return the bytes there is room for without growing.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Look at the text.
    #[inline]
    pub fn as_str(&self) -> &str {
        // SAFETY: only whole characters are added and taken away.
        unsafe { core::str::from_utf8_unchecked(&self.bytes) }
    }

    /// Keep the text and give up growing.
    #[inline]
    pub fn into_str(self) -> &'a mut str {
        // SAFETY: as above.
        unsafe { core::str::from_utf8_unchecked_mut(self.bytes.into_slice()) }
    }
}

impl<const MIN_ALIGN: usize> Deref for ArenaString<'_, MIN_ALIGN> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const MIN_ALIGN: usize> DerefMut for ArenaString<'_, MIN_ALIGN> {
    #[inline]
    fn deref_mut(&mut self) -> &mut str {
        // SAFETY: as above; through `&mut str` it stays UTF-8.
        unsafe { core::str::from_utf8_unchecked_mut(&mut self.bytes) }
    }
}

impl<const MIN_ALIGN: usize> fmt::Write for ArenaString<'_, MIN_ALIGN> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

impl<const MIN_ALIGN: usize> fmt::Debug for ArenaString<'_, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl<const MIN_ALIGN: usize> fmt::Display for ArenaString<'_, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl<S: AsRef<str> + ?Sized, const MIN_ALIGN: usize> PartialEq<S> for ArenaString<'_, MIN_ALIGN> {
    fn eq(&self, other: &S) -> bool {
        self.as_str() == other.as_ref()
    }
}

impl<const MIN_ALIGN: usize> Eq for ArenaString<'_, MIN_ALIGN> {}

impl<const MIN_ALIGN: usize> core::hash::Hash for ArenaString<'_, MIN_ALIGN> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl<const MIN_ALIGN: usize> core::borrow::Borrow<str> for ArenaString<'_, MIN_ALIGN> {
    fn borrow(&self) -> &str {
        self
    }
}

impl<const MIN_ALIGN: usize> AsRef<str> for ArenaString<'_, MIN_ALIGN> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl<const MIN_ALIGN: usize> Extend<char> for ArenaString<'_, MIN_ALIGN> {
    fn extend<I: IntoIterator<Item = char>>(&mut self, characters: I) {
        characters
            .into_iter()
            .for_each(|character| self.push(character));
    }
}

impl<'t, const MIN_ALIGN: usize> Extend<&'t str> for ArenaString<'_, MIN_ALIGN> {
    fn extend<I: IntoIterator<Item = &'t str>>(&mut self, texts: I) {
        texts.into_iter().for_each(|text| self.push_str(text));
    }
}
