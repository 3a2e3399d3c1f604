//! Every cell of the matrix, against what the kernel documents.

use fork_probe::matrix::Result;
use fork_probe::{
    AtFork, End, ForkProbe, Ground, Matrix, Observation, PageState, Reason, Recipe, Source, Writes,
};

use crate::process;

/// A user without privileges: nobody, as most systems have it.
const NOBODY: u32 = 65534;

fn matrix() -> Matrix {
    let matrix = ForkProbe::new().matrix();
    assert!(matrix.complete, "{matrix:#?}");
    assert_eq!(matrix.rows.len(), Ground::ALL.len() * 4);
    let five_seconds = 5_000_000_000;
    assert!(
        matrix.nanoseconds < five_seconds,
        "{} ns",
        matrix.nanoseconds
    );
    matrix
}

#[test]
fn every_cell_is_what_the_kernel_documents() {
    process::run(|| {
        let best = if process::is_root() {
            Source::Frames
        } else {
            Source::Exclusive
        };
        check(&matrix(), Some(best));
    });
}

#[test]
fn a_user_without_privileges_sees_the_same_by_the_exclusive_bit() {
    if !process::is_root() && std::env::var_os(process::MARK).is_none() {
        // The test above has shown it already.
        return;
    }
    process::run_as(Some(NOBODY), || {
        assert!(!process::is_root());
        check(&matrix(), Some(Source::Exclusive));
    });
}

#[test]
fn a_process_that_gave_up_its_privileges_sees_the_same_by_the_bytes_and_says_what_it_cannot_see() {
    process::run(|| {
        if process::is_root() {
            let user = nix::unistd::Uid::from_raw(NOBODY);
            nix::unistd::setuid(user).unwrap();
        }
        // Files under /proc are root's from here on, as they are after a set-uid program's change.
        // SAFETY: changes a property of this process alone.
        unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
        let matrix = matrix();
        check(&matrix, None);
        let row = matrix
            .row(recipe(Ground::Private, AtFork::Inherit))
            .unwrap();
        let Result::Seen(seen) = &row.result else {
            panic!("{row:?}");
        };
        assert_eq!(seen.map_source, Source::Bytes);
        let unseen = ["pagemap", "pagemap of the child", "smaps of the child"]
            .map(|source| format!("{source}: Permission denied (os error 13)"));
        assert_eq!(seen.unseen, unseen);
    });
}

fn recipe(ground: Ground, at_fork: AtFork) -> Recipe {
    Recipe { ground, at_fork }
}

/// Check every row. The source is none if the kernel's tables may not be read.
fn check(matrix: &Matrix, source: Option<Source>) {
    for row in &matrix.rows {
        let recipe = row.recipe;
        let wiped = recipe.at_fork == AtFork::WipeOnFork;
        match &row.result {
            Result::Refused { errno, .. } => {
                assert!(wiped && !recipe.ground.can_be_wiped(), "{row:?}");
                assert_eq!(*errno, Some(libc::EINVAL), "{recipe}");
            }
            Result::Seen(seen) => {
                assert!(!wiped || recipe.ground.can_be_wiped(), "{row:?}");
                check_row(recipe, seen, source);
            }
        }
    }
}

fn check_row(recipe: Recipe, seen: &Observation, source: Option<Source>) {
    let name = &seen.name;
    if recipe.at_fork == AtFork::DontFork {
        assert_eq!(
            seen.end,
            End::Killed {
                signal: libc::SIGSEGV
            },
            "{name}"
        );
        let refusal = seen.refusal.unwrap();
        assert_eq!(
            (refusal.page, refusal.reason),
            (0, Reason::NotMapped),
            "{name}"
        );
        assert_eq!(seen.count(PageState::Absent), seen.map.len(), "{name}");
        assert_eq!(seen.child_sees_inherited, None, "{name}");
        return;
    }
    check_end(recipe, seen);
    if let Some(source) = source {
        assert_eq!(seen.map_source, source, "{name}");
        assert_eq!(seen.unseen, [] as [&str; 0], "{name}");
    }
    let inherits = recipe.at_fork != AtFork::WipeOnFork;
    assert_eq!(seen.child_sees_inherited, Some(inherits), "{name}");
    if recipe.ground == Ground::Sealed {
        if source.is_some() {
            assert_eq!(seen.count(PageState::Shared), seen.map.len(), "{name}");
        }
        return;
    }
    let shared = recipe.ground.is_shared();
    assert_eq!(seen.parent_sees_child, Some(shared), "{name}");
    assert_eq!(seen.child_sees_parent, Some(shared), "{name}");
    let both = seen.both_allocate.unwrap();
    assert!(both.same_offset(), "{name}: {both:?}");
    assert_eq!(both.child_bytes_lost, shared, "{name}");
    check_pages(recipe, seen, source);
}

fn check_end(recipe: Recipe, seen: &Observation) {
    let name = &seen.name;
    let refused = seen.refusal.map(|refusal| (refusal.page, refusal.reason));
    let pages = isize::try_from(seen.map.len()).unwrap();
    let expected = match recipe.ground {
        Ground::Sealed => Some((0, Reason::NotAllowed)),
        // Behind the pages observed is one for the blocks, and then the guard. A guard is a marker, or
        // memory without permission on a kernel that has none.
        Ground::Guarded => match refused {
            Some((_, Reason::NotAllowed)) => Some((pages + 1, Reason::NotAllowed)),
            _ => Some((pages + 1, Reason::NotMapped)),
        },
        _ => None,
    };
    assert_eq!(refused, expected, "{name}");
    let end = match expected {
        Some(_) => End::Killed {
            signal: libc::SIGSEGV,
        },
        None => End::Exited { code: 0 },
    };
    assert_eq!(seen.end, end, "{name}");
}

/// n pages touched are n pages copied, by every source there is, or none.
fn check_pages(recipe: Recipe, seen: &Observation, source: Option<Source>) {
    let name = &seen.name;
    let (half, quarter) = (seen.map.len() / 2, seen.map.len() / 4);
    let copies = !recipe.ground.is_shared() && recipe.at_fork != AtFork::WipeOnFork;
    let expect = |writes: &Writes, pages: usize, copied: usize| {
        assert_eq!(writes.pages, pages, "{name}");
        if source.is_some() {
            assert_eq!(writes.copied_by_pagemap, Some(copied), "{name}: {writes:?}");
            assert_eq!(writes.copied_by_smaps, Some(copied), "{name}: {writes:?}");
        } else {
            // Its own account is open to every process.
            assert_eq!(writes.copied_by_pagemap, None, "{name}");
            assert_eq!(writes.copied_by_smaps, Some(copied), "{name}: {writes:?}");
        }
        // The third source. A kernel that copies a huge page whole takes fewer.
        if copies && recipe.ground != Ground::Huge {
            assert_eq!(writes.faults, pages as u64, "{name}: {writes:?}");
        }
    };
    let times = usize::from(copies);
    expect(&seen.child, half, half * times);
    expect(&seen.parent, quarter, quarter * times);
    expect(&seen.rewrites, half, 0);
    let whole = match (copies, recipe.at_fork) {
        (true, _) => "cpc=",
        (false, AtFork::WipeOnFork) => "0000",
        (false, _) => "====",
    };
    assert_eq!(seen.letters(), whole.repeat(quarter), "{name}");
}
