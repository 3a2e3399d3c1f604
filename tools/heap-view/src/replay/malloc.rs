//! Replay on malloc, or whatever the program's global allocator is.

use super::{Refused, Subject};

/// The global allocator: malloc, unless the program has another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Malloc;

impl Subject for Malloc {
    type Block = Vec<u8>;

    fn alloc(&mut self, size: usize) -> Result<Vec<u8>, Refused> {
        let mut block = Vec::new();
        self.realloc(&mut block, size)?;
        Ok(block)
    }

    fn realloc(&mut self, block: &mut Vec<u8>, size: usize) -> Result<(), Refused> {
        let more = size.saturating_sub(block.len());
        let granted = block.try_reserve_exact(more);
        granted.map_err(|error| Refused(error.to_string()))?;
        block.resize(size, 0);
        block.shrink_to_fit();
        Ok(())
    }

    fn free(&mut self, block: Vec<u8>) {
        drop(block);
    }

    fn with_bytes(&mut self, block: &mut Vec<u8>, look: &mut dyn FnMut(&mut [u8])) {
        look(block);
    }
}
