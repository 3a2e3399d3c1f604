//! Bytes as a program of allocations, under the shadow oracle. Needs a nightly toolchain:
//! `cd arena-core && cargo +nightly fuzz run programs`.
#![no_main]

use arena_core::policy::{Commit, Zeroing};
use arena_core::{Arena, Policy};
use libfuzzer_sys::fuzz_target;
use tests::adapters::v02::ViaAllocator;
use tests::subject::{Promises, Rewind};
use tests::{Driver, Program, Watch};

const LEN: usize = 1 << 20;

fn arena(choice: u8) -> Arena {
    let policy = Policy::new().reserve(2 * LEN);
    let policy = match choice % 4 {
        0 => policy,
        1 => policy.commit(Commit::Stepwise { step: 1 << 14 }),
        2 => policy.zeroing(Zeroing::Always),
        _ => policy.limit(LEN + LEN / 2 + 5),
    };
    policy.build().expect("two megabytes can be had")
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, program)) = data.split_first() else {
        return;
    };
    let subject = ViaAllocator::new(arena(choice), Promises::arena(LEN / 2))
        .reset_with(|arena| arena.reset())
        .rewind_with(
            Rewind::OlderBlocksRest,
            |arena| arena.checkpoint(),
            // SAFETY: the driver uses no block born since the checkpoint.
            |arena, checkpoint| unsafe { arena.rewind(checkpoint) },
        )
        .within(|arena| {
            let base = arena.base().addr().get();
            base..base + arena.capacity()
        })
        .check_with(|arena| {
            arena.check();
            Ok(())
        });
    let mut driver = Driver::new(subject, Watch::LifetimeEnds);
    driver
        .run(&Program::from_bytes(program))
        .and_then(|()| driver.finish())
        .unwrap();
});
