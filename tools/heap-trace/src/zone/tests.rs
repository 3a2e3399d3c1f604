use std::alloc::Layout;
use std::ptr::NonNull;

use super::{CANARY, RED_ZONE_LEN, Shape, Side, damage, intact, is_poison, poison, row, write};

/// Calls `body` with a block of this layout, zones written, in memory of its own.
fn with_block(size: usize, align: usize, body: impl Fn(&mut [u8], usize, Shape)) {
    let (shape, layout) = Shape::of(Layout::from_size_align(size, align).unwrap()).unwrap();
    assert!(layout.size() >= shape.total() && shape.front.is_multiple_of(align));
    let mut bytes = vec![0; shape.total()];
    // SAFETY: within the bytes.
    let payload = unsafe { NonNull::from(&mut bytes[..]).cast::<u8>().add(shape.front) };
    // SAFETY: all of the block is there.
    unsafe { write(payload, shape, 7) };
    body(&mut bytes, shape.front, shape);
}

fn payload(bytes: &mut [u8], front: usize) -> NonNull<u8> {
    // SAFETY: within the bytes.
    unsafe { NonNull::from(bytes).cast::<u8>().add(front) }
}

#[test]
fn every_byte_of_both_zones_is_watched() {
    for (size, align) in [(1, 1), (24, 8), (64, 16), (100, 64), (0, 1), (7, 32)] {
        with_block(size, align, |bytes, front, shape| {
            // SAFETY: the zones were written.
            let is_intact = |bytes: &mut [u8]| unsafe { intact(payload(bytes, front), shape, 7) };
            assert!(is_intact(bytes));
            for at in (0..front).chain(front + size..shape.total()) {
                bytes[at] ^= 0x40;
                assert!(!is_intact(bytes), "byte {at} of {size}, {align}");
                let side = if at < front { Side::Front } else { Side::Rear };
                // SAFETY: the zones were written.
                let wrong = unsafe { damage(payload(bytes, front), shape, 7, side) }.unwrap();
                let from = if at < front { front } else { front + size };
                assert_eq!((wrong.first, wrong.count), (at as isize - from as isize, 1));
                bytes[at] ^= 0x40;
            }
            assert!(is_intact(bytes));
        });
    }
}

#[test]
fn damage_tells_the_first_byte_how_many_and_which() {
    with_block(24, 8, |bytes, front, shape| {
        bytes[front + 26] = b'A';
        bytes[front + 28] = b'B';
        // SAFETY: the zones were written.
        let wrong = unsafe { damage(payload(bytes, front), shape, 7, Side::Rear) }.unwrap();
        assert_eq!((wrong.first, wrong.count, wrong.expected), (2, 2, CANARY));
        assert_eq!(wrong.found(), [b'A', CANARY, b'B']);
    });
}

#[test]
fn the_mark_names_the_row() {
    with_block(24, 8, |bytes, front, shape| {
        // SAFETY: the mark was written.
        assert_eq!(unsafe { row(payload(bytes, front)) }, 7);
        assert_eq!(shape.front, RED_ZONE_LEN);
    });
}

#[test]
fn one_byte_is_enough_to_spoil_poison() {
    for len in [1, 7, 8, 9, 64, 65] {
        let mut bytes = vec![0_u8; len];
        let at = NonNull::from(&mut bytes[..]).cast();
        // SAFETY: the bytes are there.
        unsafe { poison(at, len) };
        // SAFETY: as above.
        assert!(unsafe { is_poison(at, len) });
        for index in 0..len {
            bytes[index] ^= 1;
            let at = NonNull::from(&mut bytes[..]).cast();
            // SAFETY: as above.
            assert!(!unsafe { is_poison(at, len) }, "{index} of {len}");
            bytes[index] ^= 1;
        }
    }
}

#[test]
fn a_block_too_large_for_a_layout_has_no_shape() {
    let layout = Layout::from_size_align(isize::MAX as usize - 7, 8).unwrap();
    assert_eq!(Shape::of(layout), None);
}
