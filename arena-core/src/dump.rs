//! What is in an arena, byte by byte.
//!
//! A dump reads bytes whatever they mean: padding, pointers, values of types it does not know. So
//! it takes the arena by `&mut`, when nobody has a reference into it, and copies the bytes in a
//! way that gives uninitialised ones a value.

use core::fmt::{self, Write};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::Arena;
use crate::watch;

mod copy;
#[cfg(all(test, feature = "std"))]
mod tests;

/// The used bytes of an arena, ready to be printed.
///
/// `{}` prints them as text: printable ASCII as it is, dots for the rest, 64 bytes a line.
/// [`hex`](Dump::hex) prints numbers and text, 16 bytes a line.
#[derive(Debug)]
pub struct Dump<'a> {
    base: *const u8,
    len: usize,
    style: Style,
    blocks: &'a [usize],
    arena: PhantomData<&'a mut u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Text,
    Hex,
}

const TEXT_ROW: usize = 64;
const HEX_ROW: usize = 16;

impl<const MIN_ALIGN: usize, B> Arena<MIN_ALIGN, B> {
    /// Print what is in the arena.
    ///
    /// ```
    /// let mut arena = arena_core::Arena::new();
    /// arena.alloc_str("Hello arena");
    /// assert_eq!(arena.dump().to_string(), "Hello arena.....\n");
    /// assert_eq!(
    ///     arena.dump().hex().blocks(&[0]).to_string(),
    ///     "00000000 [48 65 6c 6c 6f 20 61 72 65 6e 61 00 00 00 00 00  |Hello arena.....|\n",
    /// );
    /// ```
    pub fn dump(&mut self) -> Dump<'_> {
        Dump {
            base: self.base().as_ptr(),
            len: self.used(),
            style: Style::Text,
            blocks: &[],
            arena: PhantomData,
        }
    }
}

impl<'a> Dump<'a> {
    /// Print each byte as a number too, with its offset.
    pub fn hex(self) -> Self {
        Self {
            style: Style::Hex,
            ..self
        }
    }

    /// Put a bracket before the bytes at these offsets, in a hex dump: where blocks begin.
    pub fn blocks(self, offsets: &'a [usize]) -> Self {
        Self {
            blocks: offsets,
            ..self
        }
    }

    fn row<'r>(&self, offset: usize, room: &'r mut [MaybeUninit<u8>]) -> &'r [u8] {
        let len = room.len().min(self.len - offset);
        let from = self.base.wrapping_add(offset);
        // SAFETY: `offset + len` is at most the used bytes, which stay put while the arena is
        // borrowed, and which nobody writes: the borrow is exclusive.
        let row = watch::unreported(|| unsafe { copy::defined(from, &mut room[..len]) });
        // Memcheck follows bytes without a value through the copy, which has values.
        watch::valued(NonNull::from(row).cast(), len);
        row
    }

    fn write_hex(&self, f: &mut fmt::Formatter<'_>, offset: usize, row: &[u8]) -> fmt::Result {
        write!(f, "{offset:08x} ")?;
        for (column, byte) in row.iter().enumerate() {
            let mark = if self.blocks.contains(&(offset + column)) {
                '['
            } else {
                ' '
            };
            write!(f, "{mark}{byte:02x}")?;
        }
        for _ in row.len()..HEX_ROW {
            f.write_str("   ")?;
        }
        f.write_str("  |")?;
        write_text(f, row)?;
        f.write_str("|\n")
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, row: &[u8]) -> fmt::Result {
    row.iter().try_for_each(|&byte| {
        let printable = byte.is_ascii_graphic() || byte == b' ';
        f.write_char(if printable { char::from(byte) } else { '.' })
    })
}

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = [MaybeUninit::uninit(); TEXT_ROW];
        let width = match self.style {
            Style::Text => TEXT_ROW,
            Style::Hex => HEX_ROW,
        };
        for offset in (0..self.len).step_by(width) {
            let row = self.row(offset, &mut room[..width]);
            match self.style {
                Style::Text => {
                    write_text(f, row)?;
                    f.write_char('\n')?;
                }
                Style::Hex => self.write_hex(f, offset, row)?,
            }
        }
        Ok(())
    }
}
