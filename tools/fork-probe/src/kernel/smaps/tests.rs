use super::*;

const TEXT: &str = "\
7f0000000000-7f0000004000 rw-p 00000000 00:00 0 
Size:                 16 kB
KernelPageSize:        4 kB
Rss:                  12 kB
Pss:                   8 kB
Pss_Dirty:             8 kB
Shared_Clean:          2 kB
Shared_Dirty:          8 kB
Private_Clean:         1 kB
Private_Dirty:         4 kB
AnonHugePages:         3 kB
VmFlags: rd wr mr mw me ac nh
7f0000004000-7f0000005000 r--s 00001000 00:01 77                         /a path (deleted)
Size:                  4 kB
Rss:                   0 kB
";

#[test]
fn a_mapping_has_range_access_name_and_account() {
    let mappings = parse(TEXT);
    assert_eq!(mappings.len(), 2);
    let first = &mappings[0];
    assert_eq!(first.range, 0x7f00_0000_0000..0x7f00_0000_4000);
    assert!(first.is_private_and_writable());
    let account = Account {
        size: 16 << 10,
        rss: 12 << 10,
        pss: 8 << 10,
        private_clean: 1 << 10,
        private_dirty: 4 << 10,
        shared_clean: 2 << 10,
        shared_dirty: 8 << 10,
        huge: 3 << 10,
    };
    assert_eq!(first.account, account);
    assert_eq!((account.shared(), account.private()), (10 << 10, 5 << 10));
    assert_eq!(mappings[1].name, "/a path (deleted)");
    assert!(!mappings[1].is_private_and_writable());
}

#[test]
fn this_process_has_an_account_for_a_region_of_its_own() {
    let region = arena_core::Region::memfd("smaps-test", 1 << 16).unwrap();
    region.populate(0..1 << 16).unwrap();
    let start = region.base().addr().get();
    let account = account(None, &(start..start + (1 << 16))).unwrap();
    assert_eq!((account.size, account.rss), (1 << 16, 1 << 16));
}
