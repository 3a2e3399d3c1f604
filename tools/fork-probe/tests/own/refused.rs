//! What the machine refuses is said, and the rest is measured.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::chroot;
use std::time::Duration;

use fork_probe::matrix::Result;
use fork_probe::{AtFork, ForkProbe, Generation, Ground, Mechanisms, Recipe, Source};

use crate::process;

#[test]
fn without_proc_the_answers_come_from_the_bytes_and_the_fault_counts() {
    if !process::is_root() && std::env::var_os(process::MARK).is_none() {
        return tests::skip("root, to change the root directory");
    }
    process::run(|| {
        let outside = File::open(std::env::temp_dir()).unwrap();
        let name = CString::new(format!("fork-probe-{}", std::process::id())).unwrap();
        let root = std::env::temp_dir().join(name.to_str().unwrap());
        std::fs::create_dir_all(root.join("tmp")).unwrap();
        chroot(&root).unwrap();
        std::env::set_current_dir("/").unwrap();
        let seen = ForkProbe::new()
            .recipe(recipe(Ground::Private, AtFork::Inherit))
            .unwrap();
        assert!(seen.complete);
        assert_eq!(seen.map_source, Source::Bytes);
        assert_eq!(seen.letters(), "cpc=".repeat(4));
        assert_eq!((seen.child.faults, seen.parent.faults), (8, 4));
        assert_eq!(seen.child.copied(), None);
        assert!(
            seen.unseen
                .iter()
                .all(|why| why.ends_with("no /proc is mounted here")),
            "{:?}",
            seen.unseen
        );
        assert!(ForkProbe::new().matrix().complete);
        std::fs::remove_dir("/tmp").unwrap();
        let fd = outside.as_raw_fd();
        // SAFETY: removes an empty directory that was made above.
        let gone = unsafe { libc::unlinkat(fd, name.as_ptr(), libc::AT_REMOVEDIR) };
        assert_eq!(gone, 0, "{}", std::io::Error::last_os_error());
    });
}

#[test]
fn a_child_that_leaves_early_makes_no_whole_observation() {
    process::run(|| {
        // The child does not see its parent there, and takes it for gone.
        let apart = |more| {
            // SAFETY: concerns the children of this process alone.
            unsafe { libc::unshare(libc::CLONE_NEWPID | more) == 0 }
        };
        let made = apart(0) || apart(libc::CLONE_NEWUSER);
        if !made {
            return tests::skip("a namespace of processes");
        }
        let seen = ForkProbe::new()
            .recipe(recipe(Ground::Private, AtFork::Inherit))
            .unwrap();
        assert_eq!(seen.child_sees_inherited, None);
        assert!(!seen.complete, "{seen:?}");
    });
}

#[test]
fn a_deadline_beyond_all_clocks_is_a_long_one() {
    process::run(|| {
        let seen = ForkProbe::new()
            .deadline(Duration::MAX)
            .recipe(recipe(Ground::Private, AtFork::Inherit))
            .unwrap();
        assert!(seen.complete);
    });
}

#[test]
fn an_advice_that_a_sandbox_refuses_is_a_row_that_says_so() {
    process::run(|| {
        refuse_madvise(libc::MADV_WIPEONFORK);
        let matrix = ForkProbe::new().matrix();
        assert!(matrix.complete);
        for row in &matrix.rows {
            let asks = match row.recipe.at_fork {
                AtFork::WipeOnFork => true,
                AtFork::KeepOnFork => row.recipe.ground.can_be_wiped(),
                AtFork::Inherit | AtFork::DontFork => false,
            };
            match &row.result {
                Result::Refused { errno, why } => {
                    assert!(asks, "{}: {why}", row.recipe);
                    assert_eq!(*errno, Some(libc::EPERM), "{}: {why}", row.recipe);
                }
                Result::Seen(seen) => assert!(!asks && seen.complete, "{}", row.recipe),
            }
        }
    });
}

#[test]
fn without_wiped_pages_the_handler_still_notices_and_the_hazards_are_shown_but_for_one() {
    process::run(|| {
        refuse_madvise(libc::MADV_WIPEONFORK);
        let by_handler = Mechanisms {
            wiped_page: false,
            fork_handler: true,
        };
        assert_eq!(Generation::new().unwrap().mechanisms(), by_handler);
        let hazards = ForkProbe::new().hazards();
        assert_eq!(hazards.destructors.len(), 3);
        assert_eq!(hazards.noticed.len(), 2);
        for noticed in &hazards.noticed {
            assert_eq!(noticed.mechanisms, by_handler);
            assert!(noticed.by_fork && !noticed.by_clone, "{noticed:?}");
        }
        assert_eq!(hazards.unseen.len(), 2, "{:?}", hazards.unseen);
        for why in &hazards.unseen {
            assert!(why.contains("Operation not permitted"), "{why}");
        }
    });
}

/// Let the kernel answer EPERM to one advice, for this thread and its children.
fn refuse_madvise(advice: i32) {
    let instruction = |code: u32, jt, jf, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt,
        jf,
        k,
    };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    // struct seccomp_data: the number of the call at 0, its arguments, 8 bytes each, from 16 on.
    let mut program = [
        instruction(load, 0, 0, 0),
        instruction(equal, 0, 3, u32::try_from(libc::SYS_madvise).unwrap()),
        instruction(
            load,
            0,
            0,
            if cfg!(target_endian = "little") {
                32
            } else {
                36
            },
        ),
        instruction(equal, 0, 1, advice.cast_unsigned()),
        instruction(
            answer,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned(),
        ),
        instruction(answer, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap(),
        filter: program.as_mut_ptr(),
    };
    // SAFETY: changes a property of this thread.
    let done = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(done, 0);
    // SAFETY: the kernel copies the program, which is as long as it says.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const filter,
        )
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn no_pages_and_too_many_are_refused_before_anything_is_made() {
    for pages in [0, usize::MAX, usize::MAX / 4096] {
        let error = ForkProbe::new()
            .pages(pages)
            .recipe(recipe(Ground::Private, AtFork::Inherit))
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("a probe needs at least one page")
        );
    }
}

#[test]
fn a_region_that_cannot_be_written_is_refused_not_touched() {
    let region = arena_core::Region::reserve(1 << 16).unwrap();
    let error = ForkProbe::new().region("reserved", region).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{error}");
}

fn recipe(ground: Ground, at_fork: AtFork) -> Recipe {
    Recipe { ground, at_fork }
}
