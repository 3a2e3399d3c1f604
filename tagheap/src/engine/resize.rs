//! Making a block larger or smaller where it is.

use crate::control::Core;
use crate::error::Damage;
use crate::fit::{DWORD, HEADER, LEAST_REST};
use crate::header::Header;

/// How a resize went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resized {
    /// The block is where it was.
    InPlace,
    /// There is no room behind it; nothing has changed.
    NoRoomHere,
}

impl Core {
    /// Make a live block take `requested` bytes, `bytes` with the canary, if it can stay.
    ///
    /// A block that is large enough keeps its dwords; one that is not takes the free block behind it,
    /// and gives back what is left if that makes a block.
    pub(crate) fn resize(
        &self,
        at: u32,
        header: &Header,
        requested: usize,
        (bytes, need): (usize, u32),
    ) -> Result<Resized, Damage> {
        if need <= header.size {
            self.write_resized(at, *header, requested, bytes);
            return Ok(Resized::InPlace);
        }
        let (next, above) = self.blocks.after(at, header)?;
        let whole = header.size + HEADER + above.size;
        if !above.is_free() || next == self.blocks.last() || whole < need {
            return Ok(Resized::NoRoomHere);
        }
        let behind = self.blocks.behind(next, &above)?;
        // Nothing is written above this line.
        let mut counts = self.control.counts();
        counts.take_free(next, above.size);
        self.control.forget_start(next, behind);
        let left = whole - need;
        let rest = if left < LEAST_REST { 0 } else { left };
        let size = whole - rest;
        self.write_resized(at, Header { size, ..*header }, requested, bytes);
        self.cut_rest(at, size, rest, behind);
        let cut = at + HEADER + size;
        if rest != 0 {
            counts.add_free(cut, rest - HEADER);
        }
        self.control.set_counts(&counts);
        self.index_pieces(next, above.size, cut, rest)?;
        Ok(Resized::InPlace)
    }

    fn write_resized(&self, at: u32, mut header: Header, requested: usize, bytes: usize) {
        let slack = header.size as usize * DWORD - bytes;
        self.blocks.note_slack(at, &mut header, slack);
        self.blocks.write(at, &header);
        self.set_canary(at, requested);
    }
}
