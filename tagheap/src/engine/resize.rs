//! Making a block larger or smaller where it is.

use crate::control::Core;
use crate::error::Damage;
use crate::fit::{DWORD, HEADER, LEAST_REST};
use crate::header::Header;
use crate::index::{Keep, with_index};
use crate::spot::Spot;

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
        needed: (usize, u32),
    ) -> Result<Resized, Damage> {
        with_index!(self, I => self.resize_in::<I>(at, header, requested, needed))
    }

    fn resize_in<I: Keep>(
        &self,
        at: u32,
        header: &Header,
        requested: usize,
        (bytes, need): (usize, u32),
    ) -> Result<Resized, Damage> {
        let at = self.blocks.known_spot(at);
        if need <= header.size {
            self.write_resized(at, *header, requested, bytes);
            return Ok(Resized::InPlace);
        }
        let above = self.blocks.above::<Damage>(at, header.size)?;
        let (next, free) = (above.at, above.header);
        let whole = header.size + HEADER + free.size;
        if !above.is_free || whole < need {
            return Ok(Resized::NoRoomHere);
        }
        let behind = self.blocks.behind(next.at(), &free)?;
        let entry = I::entry::<Damage>(self, next)?;
        // Nothing is written above this line.
        self.control.take_free(next.at(), free.size);
        let left = whole - need;
        let rest = if left < LEAST_REST { 0 } else { left };
        let size = whole - rest;
        self.write_resized(at, Header { size, ..*header }, requested, bytes);
        let rest = self.cut_rest(at, size, rest, behind).map(|cut| {
            self.control.add_free(cut.at(), rest - HEADER);
            (cut, rest - HEADER)
        });
        I::grown(self, entry, [at, next, behind], rest);
        Ok(Resized::InPlace)
    }

    fn write_resized(&self, at: Spot, mut header: Header, requested: usize, bytes: usize) {
        let slack = header.size as usize * DWORD - bytes;
        self.blocks.note_slack(at, &mut header, slack);
        self.blocks.write(at, &header);
        self.set_canary(at.at(), requested);
    }
}
