//! The hazards and their cures, the bill, and the curves.

use std::sync::atomic::AtomicBool;

use fork_probe::bill::{Deed, Malloc, Workload};
use fork_probe::hazards::{Cleanup, Sharing};
use fork_probe::latency::Kind;
use fork_probe::{ForkProbe, Generation, Mechanisms, ProbeError};
use nix::sys::resource::{Resource, setrlimit};

use crate::process;

#[test]
fn each_hazard_shows_and_each_cure_cures() {
    process::run(|| {
        let hazards = ForkProbe::new().hazards();
        assert_eq!(hazards.unseen, [] as [&str; 0]);
        assert_eq!((hazards.both_bump.len(), hazards.destructors.len()), (3, 4));
        for both in &hazards.both_bump {
            let same = both.parent_offset == both.child_offset;
            let expected = match both.sharing {
                Sharing::Nothing => (true, false),
                Sharing::Memory => (true, true),
                Sharing::MemoryAndOffset => (false, false),
            };
            assert_eq!((same, both.child_bytes_lost), expected, "{both:?}");
        }
        let lock = hazards.held_lock.unwrap();
        assert!(!lock.mutex_served_child, "{lock:?}");
        assert!(
            lock.mutex_served_parent && lock.lock_free_served_child,
            "{lock:?}"
        );
        for child in &hazards.destructors {
            let survives = child.cleanup != Cleanup::DropsCopy;
            assert_eq!(child.file_survived, survives, "{child:?}");
        }
        let seen = hazards.amplification.unwrap();
        assert_eq!(
            seen.os_pages.faults, seen.os_pages.written as u64,
            "{seen:?}"
        );
        assert_eq!(
            seen.os_pages.copied,
            Some(seen.os_pages.inherited),
            "{seen:?}"
        );
        assert_eq!(
            seen.huge_pages.copied,
            Some(seen.huge_pages.inherited),
            "{seen:?}"
        );
    });
}

#[test]
fn a_fork_is_noticed_by_either_mechanism_and_a_clone_by_the_page() {
    process::run(|| {
        let noticed = ForkProbe::new().hazards().noticed;
        assert_eq!(noticed.len(), 3);
        for one in noticed {
            assert!(one.by_fork, "{one:?}");
            assert_eq!(one.by_clone, one.mechanisms.wiped_page, "{one:?}");
        }
    });
}

#[test]
fn a_generation_stays_until_a_fork_and_a_grandchild_has_another() {
    process::run(|| {
        let generation = Generation::new().unwrap();
        assert_eq!(generation.mechanisms(), Mechanisms::BOTH);
        assert_eq!((generation.current(), generation.current()), (0, 0));
        let status = forked(|| {
            let child = generation.current();
            if child == 0 || generation.current() != child {
                return 1;
            }
            forked(|| i32::from(generation.current() == child || generation.current() == 0))
        });
        assert_eq!(status, 0);
        assert_eq!(generation.current(), 0, "the parent is still what it was");
        let none = Mechanisms {
            wiped_page: false,
            fork_handler: false,
        };
        assert!(Generation::with(none).is_err());
    });
}

fn forked(child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child loads and stores atomics, forks, waits and exits.
    match unsafe { nix::unistd::fork() }.unwrap() {
        nix::unistd::ForkResult::Child => {
            let status = child();
            // SAFETY: ends the child.
            unsafe { libc::_exit(status) }
        }
        nix::unistd::ForkResult::Parent { child } => {
            match nix::sys::wait::waitpid(child, None).unwrap() {
                nix::sys::wait::WaitStatus::Exited(_, status) => status,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_bill_is_refused_in_a_process_with_threads() {
    // The test runner has one thread, and this test another.
    let work = Workload::default();
    let refused = ForkProbe::new().bill(&mut Malloc, Deed::Free, &work);
    assert!(matches!(refused, Err(ProbeError::Threads { threads }) if threads >= 2));
}

#[test]
fn fork_costs_more_with_more_pages_and_not_with_pages_the_child_does_not_get() {
    process::run(|| {
        let latency = ForkProbe::new().latency(64 << 20, 9);
        assert!(latency.complete, "{latency:#?}");
        let median = |kind: Kind| {
            let curve = latency.curves.iter().find(|curve| curve.kind == kind);
            let points = &curve.unwrap().points;
            let sizes: Vec<_> = points.iter().map(|point| point.bytes >> 20).collect();
            assert_eq!(sizes, [1, 4, 16, 64]);
            for point in points {
                let fork = &point.fork;
                assert!(fork.min <= fork.median && fork.median <= fork.max && fork.runs == 9);
            }
            points[3].fork.median
        };
        // An entry for each of 16,384 pages, against none: more than a factor of ten here.
        assert!(median(Kind::Pages) > median(Kind::DontFork), "{latency:#?}");
        assert!(median(Kind::Pages) > median(Kind::Huge), "{latency:#?}");
    });
}

#[test]
fn a_memory_limit_ends_the_curves_where_it_must() {
    process::run(|| {
        let mapped = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = mapped.split(' ').next().unwrap().parse().unwrap();
        let limit = pages * 4096 + (40 << 20);
        setrlimit(Resource::RLIMIT_AS, limit, limit).unwrap();
        let latency = ForkProbe::new().latency(256 << 20, 1);
        assert!(!latency.complete);
        for curve in &latency.curves {
            assert_eq!(curve.points.len(), 3, "{curve:#?}");
            let why = curve.stopped.as_ref().unwrap();
            assert!(why.contains("map of 268435456 bytes"), "{why}");
            assert!(why.contains("Cannot allocate memory"), "{why}");
        }
    });
}

#[test]
fn a_stop_ends_everything_with_what_was_seen_until_then() {
    process::run(|| {
        let stop = AtomicBool::new(true);
        let probe = ForkProbe::new().stop_when(&stop);
        let matrix = probe.matrix();
        assert!(!matrix.complete && matrix.rows.is_empty());
        let latency = probe.latency(1 << 20, 1);
        assert!(!latency.complete && latency.bare.is_none());
        let hazards = probe.hazards();
        assert!(hazards.both_bump.is_empty() && hazards.held_lock.is_none());
        assert!(
            hazards
                .unseen
                .iter()
                .all(|why| why.ends_with(": interrupted")),
            "{:?}",
            hazards.unseen
        );
    });
}
