use std::fs::File;
use std::io::{Read, Seek, Write};

use super::*;

fn page() -> usize {
    page_size()
}

/// Every kind of region, three pages long.
fn regions() -> Vec<Region> {
    let len = 3 * page();
    let file = tempfile::tempfile().unwrap();
    vec![
        Region::anonymous(len).unwrap(),
        Region::anonymous_shared(len).unwrap(),
        Region::memfd("arena-core-test", len).unwrap(),
        // SAFETY: nobody else has the unlinked temporary file.
        unsafe { Region::file(file, len) }.unwrap(),
    ]
}

fn write(base: NonNull<u8>, offset: usize, byte: u8) {
    let at = base.as_ptr().wrapping_add(offset);
    // SAFETY: the tests write within mapped regions that they own.
    unsafe { at.write(byte) }
}

fn read(base: NonNull<u8>, offset: usize) -> u8 {
    let at = base.as_ptr().wrapping_add(offset);
    // SAFETY: the tests read within mapped regions that they own.
    unsafe { at.read() }
}

#[test]
fn every_backing_is_zero_writable_to_its_last_byte_and_page_aligned() {
    for region in regions() {
        assert_eq!(region.len(), 3 * page());
        assert!(region.base().addr().get().is_multiple_of(page()));
        for offset in [0, 1, page(), region.len() - 1] {
            assert_eq!(read(region.base(), offset), 0, "{:?}", region.backing());
            write(region.base(), offset, 0xa5);
            assert_eq!(read(region.base(), offset), 0xa5, "{:?}", region.backing());
        }
    }
}

#[test]
fn a_length_is_rounded_up_to_pages() {
    assert_eq!(Region::anonymous(1).unwrap().len(), page());
    assert_eq!(Region::anonymous(page() + 1).unwrap().len(), 2 * page());
}

#[test]
fn lengths_that_make_no_sense_are_refused_with_the_number() {
    for len in [0, usize::MAX, isize::MAX as usize] {
        let error = Region::anonymous(len).unwrap_err();
        assert_eq!(
            (error.operation, error.len, error.cause),
            (Operation::Map, len, Cause::BadLength)
        );
        assert_eq!(
            error.to_string(),
            format!("map of {len} bytes (anonymous memory) refused: no region has that length")
        );
    }
}

#[test]
fn more_than_the_address_space_is_refused_by_the_kernel() {
    let error = Region::anonymous(1 << 60).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
    assert_eq!(
        error.to_string(),
        "map of 1152921504606846976 bytes (anonymous memory) refused: \
         Cannot allocate memory (os error 12)"
    );
}

#[test]
fn ranges_are_checked_before_the_kernel_sees_them() {
    let mut region = Region::anonymous(2 * page()).unwrap();
    for range in [0..3 * page(), page()..0, 1..page(), 0..page() - 1] {
        assert!(matches!(
            region.commit(range.clone()).unwrap_err().cause,
            Cause::BadRange { .. }
        ));
        assert!(matches!(
            region.decommit(range.clone()).unwrap_err().cause,
            Cause::BadRange { .. }
        ));
        assert!(matches!(
            region.populate(range).unwrap_err().cause,
            Cause::BadRange { .. }
        ));
    }
    assert_eq!(
        region.commit(1..page()).unwrap_err().to_string(),
        format!(
            "commit of {} bytes (anonymous memory) refused: 1..{} is not a range of whole \
             {}-byte pages in a region of {} bytes",
            page() - 1,
            page(),
            page(),
            2 * page()
        )
    );
    region.decommit(page()..page()).unwrap();
}

#[test]
fn decommit_makes_every_backing_zero_and_not_resident() {
    for mut region in regions() {
        for offset in [0, page(), 2 * page()] {
            write(region.base(), offset, 1);
        }
        assert_eq!(
            region.resident().unwrap(),
            3 * page(),
            "{:?}",
            region.backing()
        );
        region.decommit(page()..3 * page()).unwrap();
        assert_eq!(region.resident().unwrap(), page(), "{:?}", region.backing());
        assert_eq!(
            [0, page(), 2 * page()].map(|offset| read(region.base(), offset)),
            [1, 0, 0]
        );
    }
}

#[test]
fn populate_makes_pages_resident_and_keeps_their_bytes() {
    for region in regions() {
        write(region.base(), page(), 7);
        region.populate(0..2 * page()).unwrap();
        assert_eq!(region.resident_in(0..2 * page()).unwrap(), 2 * page());
        assert_eq!(read(region.base(), page()), 7);
    }
}

#[test]
fn resident_counts_across_batches() {
    // One batch of mincore is 4096 pages.
    let region = Region::anonymous(10_000 * page()).unwrap();
    for index in [0, 4095, 4096, 8191, 8192, 9999] {
        write(region.base(), index * page(), 1);
    }
    assert_eq!(region.resident().unwrap(), 6 * page());
}

#[test]
fn a_second_view_shows_the_same_bytes_at_another_address_and_outlives_the_region() {
    for region in regions() {
        if region.backing() == Backing::Anonymous {
            let error = region.second_view().unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with("private anonymous memory has no second view")
            );
            continue;
        }
        let view = region.second_view().unwrap();
        assert_ne!(view.base(), region.base());
        assert_eq!(view.len(), region.len());
        write(region.base(), page() + 5, 42);
        assert_eq!(read(view.base(), page() + 5), 42, "{:?}", region.backing());
        drop(region);
        assert_eq!(read(view.base(), page() + 5), 42);
    }
}

#[test]
fn a_memfd_cannot_be_truncated_and_its_name_is_checked() {
    let region = Region::memfd("sealed", page()).unwrap();
    // SAFETY: the descriptor is used for nothing but an attempt that must fail.
    let fd = unsafe { region.share() }.unwrap();
    let file = File::from(fd.try_clone_to_owned().unwrap());
    assert_eq!(
        file.set_len(0).unwrap_err().raw_os_error(),
        Some(libc::EPERM)
    );
    assert_eq!(
        file.set_len(1 << 20).unwrap_err().raw_os_error(),
        Some(libc::EPERM)
    );
    assert_eq!(
        Region::memfd("a\0b", page()).unwrap_err().raw_os_error(),
        Some(libc::EINVAL)
    );
}

#[test]
fn a_file_is_extended_never_cut_and_keeps_what_was_written() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"already here").unwrap();
    let kept = file.try_clone().unwrap();
    // SAFETY: the other descriptor is used only after the region is gone.
    let region = unsafe { Region::file(file, 1) }.unwrap();
    assert_eq!(read(region.base(), 0), b'a');
    write(region.base(), 0, b'A');
    drop(region);
    let mut file = kept;
    assert_eq!(file.metadata().unwrap().len(), page() as u64);
    file.rewind().unwrap();
    let mut text = [0; 12];
    file.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"Already here");
    file.set_len(10 * page() as u64).unwrap();
    // SAFETY: nobody else has the unlinked temporary file.
    let region = unsafe { Region::file(file.try_clone().unwrap(), page()) }.unwrap();
    assert_eq!(region.len(), page());
    assert_eq!(file.metadata().unwrap().len(), 10 * page() as u64);
}

#[test]
fn a_file_open_for_reading_only_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let read_only = File::open(file.path()).unwrap();
    // SAFETY: nobody else has the temporary file.
    let error = unsafe { Region::file(read_only, page()) }.unwrap_err();
    assert_eq!(
        (error.operation, error.raw_os_error()),
        (Operation::Extend, Some(libc::EINVAL))
    );
}

#[test]
fn reserved_space_is_usable_where_committed() {
    let region = Region::reserve(4 * page()).unwrap();
    region.commit(page()..2 * page()).unwrap();
    write(region.base(), page(), 1);
    assert_eq!(region.resident().unwrap(), page());
    let error = region.populate(0..page()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn guarded_ends_leave_what_lies_between() {
    let region = Region::anonymous(5 * page()).unwrap();
    let outer = region.base();
    let region = region.with_guarded_ends().unwrap();
    assert_eq!(region.len(), 3 * page());
    assert_eq!(region.base().addr().get(), outer.addr().get() + page());
    write(region.base(), 0, 1);
    write(region.base(), region.len() - 1, 1);
    let error = Region::anonymous(2 * page())
        .unwrap()
        .with_guarded_ends()
        .unwrap_err();
    assert_eq!(error.cause, Cause::BadLength);
    let error = Region::memfd("g", 5 * page())
        .unwrap()
        .with_guarded_ends()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("a region with a descriptor has no page to spare")
    );
}

#[test]
fn advice_that_the_memory_cannot_take_is_an_error_with_the_errno() {
    let region = Region::anonymous(page()).unwrap();
    for advice in [
        Advice::DontFork,
        Advice::DoFork,
        Advice::WipeOnFork,
        Advice::KeepOnFork,
    ] {
        region.advise(0..page(), advice).unwrap();
    }
    let shared = Region::anonymous_shared(page()).unwrap();
    let error = shared.advise(0..page(), Advice::WipeOnFork).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    let error = std::io::Error::from(error);
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn a_private_copy_keeps_its_writes_to_itself() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"the file's").unwrap();
    let kept = file.try_clone().unwrap();
    // SAFETY: nobody else has the unlinked temporary file.
    let mut of_file = unsafe { Region::file_private(file, 2 * page()) }.unwrap();
    assert_eq!(read(of_file.base(), 0), b't');
    write(of_file.base(), 0, b'T');
    let mut text = [0; 1];
    let mut kept = kept;
    kept.rewind().unwrap();
    kept.read_exact(&mut text).unwrap();
    assert_eq!((&text, read(of_file.base(), 0)), (b"t", b'T'));
    let error = of_file.decommit(0..page()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("(private file) refused: a private copy")
    );
    assert_eq!(read(of_file.base(), 0), b'T');

    let mut of_memfd = Region::memfd_private("private", page()).unwrap();
    write(of_memfd.base(), 0, 1);
    let error = of_memfd.second_view().unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("a private copy has no second view")
    );
    of_memfd.decommit(0..page()).unwrap();
    assert_eq!(read(of_memfd.base(), 0), 0);
    let error = of_memfd.advise(0..page(), Advice::WipeOnFork).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn a_sealed_region_keeps_its_bytes_and_takes_no_others() {
    let region = Region::memfd("sealed", page()).unwrap();
    write(region.base(), 3, 42);
    let sealed = region.sealed().unwrap();
    assert_eq!(read(sealed.base(), 3), 42);
    assert_eq!(
        sealed.commit(0..page()).unwrap_err().raw_os_error(),
        Some(libc::EACCES)
    );
    assert!(sealed.second_view().is_err());
    let policy = crate::Policy::new().fork(crate::policy::Fork::Share);
    let refused = policy.build_in::<8>(sealed).unwrap_err();
    assert!(refused.to_string().contains("the region is sealed"));
    let busy = Region::memfd("viewed", page()).unwrap();
    let _view = busy.second_view().unwrap();
    assert_eq!(busy.sealed().unwrap_err().raw_os_error(), Some(libc::EBUSY));
    let error = Region::anonymous(page()).unwrap().sealed().unwrap_err();
    assert!(error.to_string().starts_with("seal of "));
}
