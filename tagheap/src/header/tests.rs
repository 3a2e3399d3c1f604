use super::*;
use core::ptr::NonNull;

/// A block at dword 10 of an area of 64.
fn area(memory: &mut [u32; 64]) -> Blocks {
    let base = NonNull::from(memory).cast();
    // SAFETY: the array is borrowed by the caller for as long as the result is used here.
    Blocks(unsafe { Words::new(base, 64) })
}

fn header() -> Header {
    let tag = Tag::from_bits(0x4123).unwrap();
    Header {
        links: [1, 2],
        handle: 77,
        ..Header::live(3, 20, tag, 3)
    }
}

#[test]
fn what_is_written_is_read() {
    let mut memory = [0; 64];
    let blocks = area(&mut memory);
    blocks.write(blocks.known_spot(10), &header());
    assert_eq!(blocks.header(10), Ok(header()));
    blocks.write_free(blocks.known_spot(10), 3, 20);
    assert_eq!(blocks.header(10), Ok(Header::free(3, 20)));
}

#[test]
fn any_changed_byte_that_the_check_covers_shows() {
    let mut memory = [0; 64];
    let blocks = area(&mut memory);
    for dword in [SIZE, META, HANDLE] {
        for byte in 0..4 {
            for flip in 1..=u8::MAX {
                blocks.write(blocks.known_spot(10), &header());
                let old = blocks.0.byte(10 + dword, byte);
                blocks.0.set_byte(10 + dword, byte, old ^ flip);
                let found = blocks.header(10).unwrap_err();
                assert_eq!((found.at, found.what), (10, What::Check));
            }
        }
    }
}

#[test]
fn a_header_copied_elsewhere_is_none() {
    let mut memory = [0; 64];
    let blocks = area(&mut memory);
    blocks.write(blocks.known_spot(10), &header());
    blocks.0.copy(10, 11, HEADER);
    assert_eq!(blocks.header(11).unwrap_err().what, What::Check);
}

#[test]
fn a_block_ends_before_the_last() {
    let mut memory = [0; 64];
    let blocks = area(&mut memory);
    for (size, fits) in [(42, true), (43, false), (48, false), (u32::MAX, false)] {
        let large = Header { size, ..header() };
        blocks.write(blocks.known_spot(10), &large);
        assert_eq!(blocks.header(10).is_ok(), fits, "{size} dwords");
    }
    assert_eq!(blocks.header(59).unwrap_err().what, What::LinkOutside);
}

#[test]
fn slack_too_large_for_its_code_stands_in_the_payload() {
    let mut memory = [0; 64];
    let blocks = area(&mut memory);
    for slack in [0, 1, 30, 31, 32, 76, 80] {
        let mut header = header();
        blocks.note_slack(blocks.known_spot(10), &mut header, slack);
        blocks.write(blocks.known_spot(10), &header);
        assert_eq!(blocks.slack(10, &blocks.header(10).unwrap()), Ok(slack));
        assert_eq!(header.slack_code() == SLACK_IS_STORED, slack >= 31);
    }
    let mut header = header();
    blocks.note_slack(blocks.known_spot(10), &mut header, 81);
    assert_eq!(blocks.slack(10, &header).unwrap_err().what, What::Slack);
}

#[test]
fn a_glance_at_a_block_that_ends_outside_is_an_error() {
    let mut memory = [0; 64];
    let blocks = area(&mut memory);
    for (size, fits) in [
        (42, true),
        (43, false),
        (u32::MAX - 20, false),
        (u32::MAX, false),
    ] {
        blocks.write_free(blocks.known_spot(10), 3, 42);
        blocks.0.set(10 + SIZE, size);
        let glance = blocks.glance(10).map(|glance| (glance.free, glance.next));
        assert_eq!(glance.ok(), fits.then_some((42, 58)), "{size} dwords");
    }
    blocks.write_free(blocks.known_spot(58), 10, 0);
    assert_eq!(blocks.glance(58).map(|glance| glance.free), Ok(0));
}
