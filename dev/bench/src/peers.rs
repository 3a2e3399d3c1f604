//! The peers, one function a workload each.

use std::hint::black_box;

use crate::Forty;
use crate::limit::Limit;

type BumpScope<const MIN_ALIGN: usize> =
    bump_scope::Bump<bump_scope::alloc::Global, bump_scope::settings::BumpSettings<MIN_ALIGN>>;

pub(crate) const WORKLOADS: [&str; 2] = ["one-u64", "forty-bytes"];
pub(crate) const NAMES: [&str; 6] = [
    "limit",
    "arena-core",
    "arena-core-1",
    "bumpalo",
    "bump-scope",
    "bump-scope-8",
];

/// Enough for any count that callgrind has the patience for.
const BYTES: usize = 1 << 26;

/// The same loops for every peer; what differs is how its arena is made.
macro_rules! peer {
    ($name:ident, $make:expr) => {
        mod $name {
            use super::*;

            #[inline(never)]
            pub(super) fn one(count: u64) {
                let arena = $make;
                for n in 0..count {
                    black_box(&*arena.alloc(n));
                }
            }

            #[inline(never)]
            pub(super) fn forty(count: u64) {
                let arena = $make;
                for n in 0..count {
                    black_box(&*arena.alloc(Forty::new(n)));
                }
            }
        }
    };
}

peer!(hand_written, Limit::new(BYTES));
peer!(arena_core_8, arena_core::Arena::new());
peer!(
    arena_core_1,
    arena_core::Policy::new()
        .build_with_min_align::<1>()
        .unwrap()
);
peer!(bumpalo_1, bumpalo::Bump::with_capacity(BYTES));
peer!(bump_scope_1, BumpScope::<1>::with_size(BYTES));
peer!(bump_scope_8, BumpScope::<8>::with_size(BYTES));

pub(crate) fn find(workload: &str, peer: &str) -> Option<fn(u64)> {
    let index = WORKLOADS.iter().position(|&name| name == workload)?;
    let pair: [fn(u64); 2] = match peer {
        "limit" => [hand_written::one, hand_written::forty],
        "arena-core" => [arena_core_8::one, arena_core_8::forty],
        "arena-core-1" => [arena_core_1::one, arena_core_1::forty],
        "bumpalo" => [bumpalo_1::one, bumpalo_1::forty],
        "bump-scope" => [bump_scope_1::one, bump_scope_1::forty],
        "bump-scope-8" => [bump_scope_8::one, bump_scope_8::forty],
        _ => return None,
    };
    Some(pair[index])
}
