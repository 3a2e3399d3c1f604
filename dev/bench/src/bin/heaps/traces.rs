//! The classic synthetic workloads, as `.rep` traces, and how small a heap each can be replayed in.

use std::process::Command;
use std::ptr::NonNull;

use heap_view::rep::{Operation, Rep};

use crate::peers::{Heap, Peer};
use crate::random::Random;

/// A workload, by name.
pub(crate) type Named = (&'static str, fn() -> Rep);

pub(crate) const TRACES: [Named; 5] = [
    ("coalescing", coalescing),
    ("binary 64, 448", || binary(64, 448, 512)),
    ("binary 16, 112", || binary(16, 112, 128)),
    ("random", random),
    ("realloc growth", realloc_growth),
];

fn rep(ids: u32, operations: Vec<Operation>) -> Rep {
    Rep {
        heap_size: 64 << 20,
        ids,
        weight: 1,
        operations,
    }
}

/// Two neighbours are freed, and one of their common size is asked for.
fn coalescing() -> Rep {
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

/// Small and large alternate, the large ones are freed, and what is asked for then fits in none of the
/// holes.
fn binary(small: u64, large: u64, then: u64) -> Rep {
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

/// Sizes up to 32 KiB come and go in no order.
fn random() -> Rep {
    let mut random = Random::new(3);
    let (mut operations, mut live) = (Vec::new(), Vec::new());
    for id in 0..4800 {
        let size = 1 + random.below(32 << 10) as u64;
        operations.push(Operation::Alloc { id, size });
        live.push(id);
        while live.len() > 100 && random.below(2) == 0 {
            let id = live.swap_remove(random.below(live.len()));
            operations.push(Operation::Free { id });
        }
    }
    rep(4800, operations)
}

/// One block grows a little at a time while small ones come and go behind it.
fn realloc_growth() -> Rep {
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

/// The most bytes asked for that are live at a time.
pub(crate) fn most_live(rep: &Rep) -> u64 {
    let mut sizes = vec![0; rep.ids as usize];
    let (mut live, mut most) = (0, 0);
    for operation in &rep.operations {
        let (id, new) = match *operation {
            Operation::Alloc { id, size } | Operation::Realloc { id, size } => (id, size),
            Operation::Free { id } => (id, 0),
        };
        let place = &mut sizes[id as usize];
        live = live + new - *place;
        *place = new;
        most = most.max(live);
    }
    most
}

/// Replay; `false` when a request is refused. `after` is called after each operation.
pub(crate) fn replay(rep: &Rep, heap: &mut dyn Heap, mut after: impl FnMut()) -> bool {
    let mut blocks: Vec<Option<(NonNull<u8>, usize)>> = vec![None; rep.ids as usize];
    let mut served = true;
    for operation in &rep.operations {
        match *operation {
            Operation::Alloc { id, size } => {
                let size = size as usize;
                let block = heap.alloc(size);
                served = block.is_some();
                blocks[id as usize] = block.map(|block| (block, size));
            }
            Operation::Realloc { id, size } => {
                let (block, old) = blocks[id as usize].expect("a live id");
                // SAFETY: it is live, and replaced at once.
                let grown = unsafe { heap.realloc(block, old, size as usize) };
                served = grown.is_some();
                blocks[id as usize] = Some((grown.unwrap_or(block), size as usize));
            }
            Operation::Free { id } => {
                let (block, size) = blocks[id as usize].take().expect("a live id");
                // SAFETY: it is live, and forgotten.
                unsafe { heap.free(block, size) };
            }
        }
        after();
        if !served {
            break;
        }
    }
    for (block, size) in blocks.into_iter().flatten() {
        // SAFETY: it is live, and not used again.
        unsafe { heap.free(block, size) };
    }
    served
}

/// The smallest region, to a 256th of what is live at most, in which a peer can replay a workload; for
/// malloc what it had from the system at most.
pub(crate) fn least(peer: Peer, index: usize) -> u64 {
    let rep = TRACES[index].1();
    if peer == Peer::Glibc {
        return in_a_process_of_its_own(index);
    }
    let live = most_live(&rep);
    let (mut fails, mut works) = (live, live * 4 + (1 << 16));
    assert!(replay(&rep, &mut *peer.make(works as usize), || ()));
    while works - fails > live / 256 {
        let middle = fails + (works - fails) / 2;
        let len = middle.next_multiple_of(64) as usize;
        if replay(&rep, &mut *peer.make(len), || ()) {
            works = middle;
        } else {
            fails = middle;
        }
    }
    works
}

fn in_a_process_of_its_own(index: usize) -> u64 {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args(["peak", &index.to_string()])
        .output();
    let output = output.expect("this program runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("a number of bytes")
}

/// What malloc has from the system at most, beyond what it had before the replay.
pub(crate) fn peak_of_malloc(index: usize) -> u64 {
    let rep = TRACES[index].1();
    let mut heap = Peer::Glibc.make(0);
    let held = || {
        // SAFETY: it only reads malloc's own counters.
        let info = unsafe { libc::mallinfo2() };
        (info.arena + info.hblkhd) as u64
    };
    let (before, mut most) = (held(), 0);
    replay(&rep, &mut *heap, || most = most.max(held()));
    most - before
}
