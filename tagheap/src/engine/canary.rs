//! Known bytes behind each payload, in heaps created with canaries.

use crate::control::Core;
use crate::error::{Damage, Fault, Smashed, What};
use crate::fit::{DWORD, DWORDS_MAX, HEADER, dwords_for};
use crate::header::{Header, damage};

/// What stands behind a payload. No byte of it is 0, 0xFF or a letter, which is what an overflow
/// most often writes.
const CANARY: [u8; CANARY_LEN] = [0xfd, 0x9c, 0xc3, 0x8e, 0xb1, 0xd7, 0xa5, 0xec];

/// Bytes that a canary adds to each request.
const CANARY_LEN: usize = 8;

impl Core {
    /// The bytes behind a request that are not slack.
    pub(crate) fn canary_len(&self) -> usize {
        if self.control.geometry.canaries {
            CANARY_LEN
        } else {
            0
        }
    }

    /// Return the bytes that a request takes, and the dwords; `None` if no heap has so many.
    pub(crate) fn needed(&self, requested: usize) -> Option<(usize, u32)> {
        let bytes = requested.max(1).checked_add(self.canary_len())?;
        let dwords = dwords_for(bytes).filter(|&dwords| dwords < DWORDS_MAX)?;
        Some((bytes, dwords))
    }

    /// Return the bytes that a block was asked for.
    pub(crate) fn requested(&self, at: u32, header: &Header) -> Result<usize, Damage> {
        let slack = self.blocks.slack(at, header)?;
        let bytes = header.size as usize * DWORD - slack;
        bytes
            .checked_sub(self.canary_len())
            .ok_or_else(|| damage(at, What::Slack))
    }

    /// Write the canary of a block that was asked for so many bytes.
    #[inline]
    pub(crate) fn set_canary(&self, at: u32, requested: usize) {
        if self.control.geometry.canaries {
            for (place, byte) in (requested as u32..).zip(CANARY) {
                self.blocks.0.set_byte(at + HEADER, place, byte);
            }
        }
    }

    /// Look whether a block's canary is whole.
    #[inline]
    pub(crate) fn check_canary(&self, at: u32, header: &Header) -> Result<(), Fault> {
        if !self.control.geometry.canaries {
            return Ok(());
        }
        self.look_at_canary(at, header)
    }

    #[inline(never)]
    fn look_at_canary(&self, at: u32, header: &Header) -> Result<(), Fault> {
        let tag = header.tag().ok_or_else(|| damage(at, What::TagList))?;
        let requested = self.requested(at, header)?;
        for (byte, expected) in CANARY.into_iter().enumerate() {
            let found = self.blocks.0.byte(at + HEADER, (requested + byte) as u32);
            if found != expected {
                let payload = (at + HEADER) as usize * DWORD;
                return Err(Fault::Smashed(Smashed {
                    payload,
                    tag,
                    requested,
                    byte,
                    found,
                    expected,
                }));
            }
        }
        Ok(())
    }
}
