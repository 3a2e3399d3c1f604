//! Workloads as `.rep` traces, classic synthetic ones and recorded ones, and how small a heap each can be replayed in.

use std::process::Command;
use std::ptr::NonNull;

use heap_view::rep::{Operation, Rep, synthetic};

use crate::peers::{Heap, Peer};

/// A workload, by name.
pub(crate) type Named = (&'static str, fn() -> Rep);

pub(crate) const TRACES: [Named; 8] = [
    ("coalescing", synthetic::coalescing),
    ("binary 64, 448", || synthetic::binary(64, 448, 512)),
    ("binary 16, 112", || synthetic::binary(16, 112, 128)),
    ("random", || synthetic::random(3)),
    ("realloc growth", synthetic::realloc_growth),
    ("recorded: SQLite", || {
        recorded(include_bytes!("../../../../../tests/traces/sqlite.rep"))
    }),
    ("recorded: awk", || {
        recorded(include_bytes!("../../../../../tests/traces/awk.rep"))
    }),
    ("recorded: git log", || {
        recorded(include_bytes!("../../../../../tests/traces/git-log.rep"))
    }),
];

fn recorded(file: &[u8]) -> Rep {
    Rep::read(file).expect("a trace that the tests read too")
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
