//! What the kernel was asked for, read back from `/proc/self/smaps`.

use super::*;

/// The flags of the mapping that an address lies in: two letters each, as proc(5) lists them.
fn flags_at(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    for line in maps.lines() {
        let range = line
            .split_once(' ')
            .and_then(|(range, _)| range.split_once('-'));
        if let Some((from, to)) = range
            && let (Ok(from), Ok(to)) = (
                usize::from_str_radix(from, 16),
                usize::from_str_radix(to, 16),
            )
        {
            inside = (from..to).contains(&address);
        } else if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
            return format!("{flags} ");
        }
    }
    panic!("no mapping has the address {address:#x}");
}

#[test]
fn no_swap_is_reserved_for_what_may_never_be_touched() {
    let policies = [
        Policy::new(),
        Policy::new().fork(Fork::Share),
        Policy::new().commit(Commit::Stepwise { step: 1 << 16 }),
    ];
    for policy in policies {
        let arena = policy.reserve(1 << 20).build().unwrap();
        let flags = flags_at(arena.base().addr().get());
        assert!(flags.contains(" nr "), "{policy:?}: {flags}");
    }
}

#[test]
fn huge_pages_are_asked_for_from_the_next_whole_page() {
    if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        return ::tests::skip("a kernel with transparent huge pages");
    }
    let page = page_size();
    let policy = Policy::new().reserve(64 * page);
    let policy = policy.huge_pages(HugePages::From(4 * page + 100));
    let arena = policy.build().unwrap();
    arena.alloc_layout(layout(8 * page, 1));
    let base = arena.base().addr().get();
    for (number, asked) in [(0, false), (4, false), (5, true), (63, true)] {
        let flags = flags_at(base + number * page);
        assert_eq!(flags.contains(" hg "), asked, "page {number}: {flags}");
    }
}
