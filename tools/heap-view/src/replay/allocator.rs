//! Replay on anything that is an `Allocator`: an arena by reference, a scope, a tracer around one.

use super::{Refused, Subject};
use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;

/// A workload's blocks from an allocator; `&Arena` is one.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnAllocator<A>(pub A);

impl<A: Allocator + Clone> Subject for OnAllocator<A> {
    type Block = Vec<u8, A>;

    fn alloc(&mut self, size: usize) -> Result<Vec<u8, A>, Refused> {
        let mut block = Vec::new_in(self.0.clone());
        self.realloc(&mut block, size)?;
        Ok(block)
    }

    fn realloc(&mut self, block: &mut Vec<u8, A>, size: usize) -> Result<(), Refused> {
        let more = size.saturating_sub(block.len());
        let granted = block.try_reserve_exact(more);
        granted.map_err(|error| Refused(error.to_string()))?;
        block.resize(size, 0);
        block.shrink_to_fit();
        Ok(())
    }

    fn free(&mut self, block: Vec<u8, A>) {
        drop(block);
    }

    fn with_bytes(&mut self, block: &mut Vec<u8, A>, look: &mut dyn FnMut(&mut [u8])) {
        look(block);
    }
}
