// Unsafe Rust that does not look at the pointer either.
// expect make_block K=1 crashed
// crash make_block
use std::alloc::{Layout, alloc, dealloc};

#[inline(never)]
fn make_block(layout: Layout) -> *mut u8 {
    let block = unsafe { alloc(layout) };
    unsafe { block.write_volatile(7) };
    block
}

fn main() {
    let layout = Layout::new::<[u8; 100]>();
    unsafe { dealloc(make_block(layout), layout) };
}
