use std::alloc::{Layout, alloc, dealloc};
use std::collections::HashMap;
use std::ptr::NonNull;

use super::Ledger;
use crate::record::Origin;
use crate::settings::Settings;
use crate::zone::Shape;

/// Adds a block from malloc, and frees what the ledger releases.
struct Heap(Ledger);

impl Heap {
    fn alloc(&mut self, layout: Layout) -> NonNull<u8> {
        let (shape, enlarged) = Shape::of(layout).unwrap();
        // SAFETY: not empty.
        let block = NonNull::new(unsafe { alloc(enlarged) }).unwrap();
        // SAFETY: handed out just now, for this shape.
        unsafe { self.0.add(block, shape, layout, Origin::NONE) }.unwrap()
    }

    fn free(&mut self, payload: NonNull<u8>, layout: Layout) -> bool {
        // SAFETY: the tests use no block after this.
        let freed = unsafe { self.0.free(payload, layout, Origin::NONE) };
        while let Some(released) = self.0.release() {
            // SAFETY: from `alloc`, for this layout.
            unsafe { dealloc(released.block.as_ptr(), released.layout) };
        }
        freed.is_ok()
    }
}

#[test]
fn random_programs_agree_with_a_hash_map() {
    let mut heap = Heap(Ledger::new(Settings::new().quarantine(3000)));
    let mut model: HashMap<NonNull<u8>, Layout> = HashMap::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize % below
    };
    for _ in 0..30_000 {
        if model.len() < 200 && next(2) == 0 {
            let layout = Layout::from_size_align(next(200), 1 << next(8)).unwrap();
            let block = heap.alloc(layout);
            assert!(model.insert(block, layout).is_none(), "handed out twice");
        } else if let Some((&block, &layout)) = model.iter().nth(next(model.len().max(1))) {
            model.remove(&block);
            assert!(heap.free(block, layout));
            assert!(!heap.free(block, layout), "freed twice");
        }
    }
    let report = heap.0.report("test", &crate::Roots::new().none());
    let requested: usize = model.values().map(Layout::size).sum();
    assert_eq!(
        (report.lost().blocks, report.numbers.requested),
        (model.len(), requested)
    );
    assert!(
        report
            .faults
            .iter()
            .all(|fault| fault.violation == crate::Violation::DoubleFree)
    );
    for (block, layout) in model {
        assert!(heap.free(block, layout));
    }
    while let Some(released) = heap.0.release_any() {
        // SAFETY: from `alloc`, for this layout.
        unsafe { dealloc(released.block.as_ptr(), released.layout) };
    }
}
