use std::alloc::Layout;
use std::ptr::NonNull;

use super::{EDGE_LEN, STEP, STEP_INVERSE, VALUES, WHOLE_LEN};
use super::{pattern, spans, verify, verify_zero, write};
use crate::violation::{Block, BlockId, Violation};

fn block(id: u64, size: usize) -> Block {
    let layout = Layout::from_size_align(size, 1).unwrap();
    Block {
        id: BlockId(id),
        address: 0x1000,
        layout,
        usable: size,
    }
}

fn payload(bytes: &mut [u8]) -> NonNull<u8> {
    NonNull::from(bytes).cast()
}

#[test]
fn step_and_its_inverse_cancel() {
    assert_eq!(STEP * STEP_INVERSE % VALUES, 1);
}

#[test]
fn pattern_is_never_zero_and_differs_between_blocks_born_close_together() {
    for offset in 0..1000 {
        let first = pattern(BlockId(3), offset);
        assert_ne!(first, 0);
        for id in 4..250 {
            assert_ne!(
                pattern(BlockId(id), offset),
                first,
                "block {id}, offset {offset}"
            );
        }
    }
}

#[test]
fn pattern_shows_a_shift_by_any_distance_up_to_several_rows() {
    let bytes: Vec<u8> = (0..4000).map(|i| pattern(BlockId(9), i)).collect();
    for shift in 1..3000 {
        assert_ne!(bytes[..500], bytes[shift..shift + 500], "shift {shift}");
    }
}

#[test]
fn written_bytes_are_the_pattern() {
    let mut bytes = vec![0; 1000];
    let block = block(77, 1000);
    // SAFETY: the vector is as long as the block.
    unsafe { write(payload(&mut bytes), &block) };
    let expected: Vec<u8> = (0..1000).map(|i| pattern(block.id, i)).collect();
    assert_eq!(bytes, expected);
}

#[test]
fn changed_byte_is_found_at_its_offset_with_both_values() {
    let block = block(5, 700);
    for offset in [0, 1, 254, 255, 256, 699] {
        let mut bytes = vec![0; 700];
        // SAFETY: the vector is as long as the block.
        unsafe { write(payload(&mut bytes), &block) };
        let expected = bytes[offset];
        bytes[offset] ^= 0x80;
        let found = bytes[offset];
        // SAFETY: the vector is as long as the block.
        let verdict = unsafe { verify(payload(&mut bytes), &block, 700) };
        assert_eq!(
            verdict,
            Err(Violation::Changed {
                block,
                offset,
                expected,
                found
            })
        );
        // SAFETY: shorter than the block.
        let verdict = unsafe { verify(payload(&mut bytes), &block, offset) };
        assert_eq!(verdict, Ok(()));
    }
}

#[test]
fn large_block_is_filled_at_its_ends_only() {
    let size = WHOLE_LEN + 1;
    assert_eq!(spans(size), [0..EDGE_LEN, size - EDGE_LEN..size]);
    let mut bytes = vec![0; size];
    // SAFETY: the vector is as long as the block.
    unsafe { write(payload(&mut bytes), &block(1, size)) };
    assert!(bytes[EDGE_LEN..size - EDGE_LEN].iter().all(|b| *b == 0));
    assert!(bytes[size - EDGE_LEN..].iter().all(|b| *b != 0));
}

#[test]
fn dirty_byte_in_a_zeroed_tail_is_found() {
    let mut bytes = vec![0; 64];
    bytes[40] = 0xdd;
    let block = block(2, 64);
    // SAFETY: the vector is as long as the block.
    let verdict = unsafe { verify_zero(payload(&mut bytes), &block, 10..64) };
    assert_eq!(
        verdict,
        Err(Violation::NotZeroed {
            block,
            offset: 40,
            found: 0xdd
        })
    );
    // SAFETY: shorter than the block.
    let verdict = unsafe { verify_zero(payload(&mut bytes), &block, 0..40) };
    assert_eq!(verdict, Ok(()));
}
