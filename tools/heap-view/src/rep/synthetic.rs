//! The classic synthetic workloads: each asks for what some allocators cannot do well.

use super::{Operation, Rep};

fn rep(ids: u32, operations: Vec<Operation>) -> Rep {
    Rep {
        heap_size: 64 << 20,
        ids,
        weight: 1,
        operations,
    }
}

/// Make a workload that wants coalescing: two neighbours are freed, and one of their common size is asked for.
#[must_use]
pub fn coalescing() -> Rep {
    let mut operations = Vec::new();
    for id in (0..3000).step_by(3) {
        for (id, size) in [(id, 4095), (id + 1, 4095)] {
            operations.push(Operation::Alloc { id, size });
        }
        operations.extend([id, id + 1].map(|id| Operation::Free { id }));
        operations.push(Operation::Alloc {
            id: id + 2,
            size: 8190,
        });
        operations.push(Operation::Free { id: id + 2 });
    }
    rep(3000, operations)
}

/// Make a workload that defeats every heap that does not move blocks: small and large alternate, the large ones are freed, and what is asked for then fits in none of the
/// holes.
#[must_use]
pub fn binary(small: u64, large: u64, then: u64) -> Rep {
    const PAIRS: u32 = 2000;
    let mut operations = Vec::new();
    for id in 0..PAIRS {
        operations.push(Operation::Alloc {
            id: 2 * id,
            size: small,
        });
        operations.push(Operation::Alloc {
            id: 2 * id + 1,
            size: large,
        });
    }
    operations.extend((0..PAIRS).map(|id| Operation::Free { id: 2 * id + 1 }));
    operations.extend((0..PAIRS).map(|id| Operation::Alloc {
        id: 2 * PAIRS + id,
        size: then,
    }));
    rep(3 * PAIRS, operations)
}

/// Make a workload without a pattern: sizes up to 32 KiB come and go in no order.
#[must_use]
pub fn random(seed: u64) -> Rep {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed << 1);
    let (mut operations, mut live) = (Vec::new(), Vec::new());
    for id in 0..4800 {
        let size = 1 + random.below(32 << 10);
        operations.push(Operation::Alloc { id, size });
        live.push(id);
        while live.len() > 100 && random.below(2) == 0 {
            let id = live.swap_remove(random.below(live.len() as u64) as usize);
            operations.push(Operation::Free { id });
        }
    }
    rep(4800, operations)
}

/// Make a workload that grows in place or pays: one block grows a little at a time while small ones come and go behind it.
#[must_use]
pub fn realloc_growth() -> Rep {
    let mut operations = vec![Operation::Alloc { id: 0, size: 512 }];
    for id in 1..5000_u32 {
        operations.push(Operation::Alloc { id, size: 128 });
        let size = 512 + 128 * u64::from(id);
        operations.push(Operation::Realloc { id: 0, size });
        if id > 1 {
            operations.push(Operation::Free { id: id - 1 });
        }
    }
    rep(5000, operations)
}

/// Numbers that are the same in every run: xorshift with 64 bits.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        let scaled = u128::from(self.next()) * u128::from(bound);
        (scaled >> 64) as u64
    }
}
