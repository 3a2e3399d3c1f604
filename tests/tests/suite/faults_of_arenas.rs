//! One test for each fault of an arena: the suite names it for what it is.

use std::panic::catch_unwind;

use tests::Violation;
use tests::conformance::{Failure, Property};
use tests::drive::Deed;
use tests::violation::Emptied;

use crate::assert_violation;
use crate::toys::{ArenaFault, ToyArena};

fn caught(fault: ArenaFault, property: Property) -> Failure {
    crate::caught(|| ToyArena::new(fault), property)
}

#[test]
fn overlap_of_one_byte_is_caught() {
    let failure = caught(ArenaFault::BumpsOneByteShort, Property::BlocksLieApart);
    let Violation::Overlap { new, live } = *failure.broken.violation else {
        panic!("{failure}");
    };
    assert_eq!(new.address, live.range().end - 1);
}

#[test]
fn random_program_that_shows_an_overlap_is_shrunk_to_a_few_small_steps() {
    let failure = caught(ArenaFault::BumpsOneByteShort, Property::RandomProgramsHold);
    let program = failure.program.as_ref().expect("it took a random program");
    assert!((2..=3).contains(&program.0.len()), "{program}");
    assert!(
        failure
            .to_string()
            .contains("\nsmallest program found:\n  step 0: alloc")
    );
    assert_violation!(failure, Violation::Overlap { new, .. } if new.layout.size() <= 2);
}

#[test]
fn overlap_from_growing_over_a_neighbour_is_caught() {
    let failure = caught(
        ArenaFault::GrowsInPlaceAnyBlock,
        Property::GrowKeepsContents,
    );
    assert_violation!(failure, Violation::Overlap { .. });
}

#[test]
fn overlap_after_rewinding_too_far_is_caught() {
    let failure = caught(ArenaFault::RewindsTooFar, Property::RewindEndsItsScope);
    assert_violation!(failure, Violation::Overlap { .. });
}

#[test]
fn misaligned_block_behind_a_single_byte_is_caught() {
    let failure = caught(ArenaFault::ForgetsAlign, Property::AlignIsHonoured);
    let Violation::Misaligned { block } = *failure.broken.violation else {
        panic!("{failure}");
    };
    assert_eq!(block.layout.align(), 2);
}

#[test]
fn misaligned_block_of_a_large_align_is_caught() {
    let failure = caught(ArenaFault::CapsAlignAt16, Property::AlignIsHonoured);
    let Violation::Misaligned { block } = *failure.broken.violation else {
        panic!("{failure}");
    };
    assert_eq!(block.layout.align(), 32);
}

#[test]
fn misaligned_zero_size_block_is_caught() {
    let failure = caught(ArenaFault::ZeroSizeAtOne, Property::ZeroSizeIsServed);
    let Violation::Misaligned { block } = *failure.broken.violation else {
        panic!("{failure}");
    };
    assert_eq!(
        (block.address, block.layout.size(), block.layout.align()),
        (1, 0, 2)
    );
}

#[test]
fn block_out_of_its_range_is_caught_before_it_is_written() {
    let failure = caught(ArenaFault::ChecksStartOnly, Property::ExhaustionIsClean);
    assert_violation!(failure, Violation::OutOfRange { .. });
}

#[test]
fn zeroed_block_that_is_dirty_is_caught() {
    let failure = caught(ArenaFault::ForgetsToZero, Property::ZeroedIsZero);
    assert_violation!(
        failure,
        Violation::NotZeroed {
            offset: 0,
            found: 0xdd,
            ..
        }
    );
}

#[test]
fn zeroed_block_with_a_dirty_last_byte_is_caught() {
    let failure = caught(ArenaFault::ZeroesOneByteShort, Property::ZeroedIsZero);
    assert_violation!(
        failure,
        Violation::NotZeroed { block, offset, .. } if offset + 1 == block.layout.size()
    );
}

#[test]
fn dirty_tail_of_a_block_grown_zeroed_is_caught() {
    let failure = caught(ArenaFault::ForgetsToZeroTail, Property::GrowZeroedIsZero);
    assert_violation!(
        failure,
        Violation::NotZeroed { block, offset, .. } if 2 * offset == block.layout.size()
    );
}

#[test]
fn prefix_lost_in_grow_is_caught() {
    let failure = caught(ArenaFault::GrowForgetsToCopy, Property::GrowKeepsContents);
    assert_violation!(
        failure,
        Violation::Changed {
            offset: 0,
            found: 0xdd,
            ..
        }
    );
}

#[test]
fn last_byte_lost_in_grow_is_caught() {
    let failure = caught(
        ArenaFault::GrowCopiesOneByteShort,
        Property::GrowKeepsContents,
    );
    assert_violation!(
        failure,
        Violation::Changed { block, offset, .. } if offset + 1 == block.layout.size()
    );
}

#[test]
fn block_changed_by_its_own_refused_grow_is_caught() {
    let failure = caught(
        ArenaFault::RefusedGrowClearsBlock,
        Property::ImpossibleIsRefused,
    );
    let Deed::Grow(grown, _) = failure.broken.deed else {
        panic!("{failure}");
    };
    assert_violation!(
        failure,
        Violation::Changed { block, offset: 0, found: 0, .. } if block.id == grown
    );
}

#[test]
fn neighbour_changed_by_a_shrink_is_caught_at_that_shrink() {
    let failure = caught(
        ArenaFault::ShrinkClearsNextByte,
        Property::ShrinkKeepsContents,
    );
    let Deed::Shrink(shrunk, _) = failure.broken.deed else {
        panic!("{failure}");
    };
    assert_violation!(
        failure,
        Violation::Changed { block, offset: 0, found: 0, .. } if block.id > shrunk
    );
}

#[test]
fn huge_block_served_by_a_signed_comparison_is_caught_before_it_is_written() {
    let failure = caught(ArenaFault::ComparesSigned, Property::ImpossibleIsRefused);
    assert_violation!(
        failure,
        Violation::ServedImpossible { layout, .. } if layout.size() == isize::MAX as usize
    );
}

#[test]
fn huge_block_served_by_a_size_cut_to_32_bits_is_caught() {
    let failure = caught(ArenaFault::CutsSizeTo32Bits, Property::ImpossibleIsRefused);
    assert_violation!(failure, Violation::ServedImpossible { .. });
}

#[test]
fn leak_by_a_refused_request_is_caught() {
    let failure = caught(ArenaFault::RefusalTakesRest, Property::ImpossibleIsRefused);
    assert_violation!(
        failure,
        Violation::LargestLost {
            fresh: 65536,
            emptied: Emptied::ByRefusing
        }
    );
}

#[test]
fn leak_by_a_reset_is_caught() {
    let failure = caught(ArenaFault::ResetLeavesEightBytes, Property::ResetRecovers);
    assert_violation!(
        failure,
        Violation::LargestLost {
            fresh: 65536,
            emptied: Emptied::ByReset
        }
    );
}

#[test]
fn leak_of_one_byte_by_a_rewind_is_caught() {
    let failure = caught(ArenaFault::RewindsTooLittle, Property::RewindRecovers);
    assert_violation!(
        failure,
        Violation::LargestLost {
            fresh: 65536,
            emptied: Emptied::ByRewind
        }
    );
}

#[test]
fn leak_of_one_byte_by_a_rewind_is_caught_by_filling_up_again() {
    let failure = caught(ArenaFault::RewindsTooLittle, Property::CyclesServeTheSame);
    assert_violation!(
        failure,
        Violation::Leak {
            cycle: 2,
            first: 65536,
            now: 65535,
            emptied: Emptied::ByRewind
        }
    );
}

#[test]
fn refusal_of_what_was_promised_is_caught() {
    let failure = caught(ArenaFault::RefusesAll, Property::BlocksLieApart);
    assert_violation!(failure, Violation::Refused { .. });
}

#[test]
fn refusal_of_a_promised_align_is_caught() {
    let failure = caught(ArenaFault::RefusesLargeAlign, Property::AlignIsHonoured);
    assert_violation!(failure, Violation::Refused { layout, .. } if layout.align() == 128);
}

#[test]
fn wrong_count_of_live_blocks_is_caught_with_both_values() {
    let failure = caught(ArenaFault::CountsRefused, Property::ImpossibleIsRefused);
    assert_eq!(
        failure.to_string(),
        "impossible_requests_are_refused_at_no_cost: after alloc of 9223372036854775807 bytes, \
         align 1: live count: the subject counts 1 live blocks, expected 0"
    );
}

#[test]
fn failed_check_of_the_subject_is_reported_in_its_words() {
    let failure = caught(ArenaFault::FailsItsCheckAfterReset, Property::ResetRecovers);
    assert_eq!(
        failure.broken.to_string(),
        "after reset: check failed: used is 0, expected 1"
    );
}

#[test]
fn panic_of_the_subject_in_a_random_program_is_reported_with_the_program() {
    let make = || ToyArena::new(ArenaFault::PanicsWhenFull);
    let panic = catch_unwind(|| Property::RandomProgramsHold.check(make)).unwrap_err();
    let message = panic.downcast_ref::<String>().expect("a formatted message");
    assert!(message.contains("the arena is full"), "{message}");
    assert!(message.contains("step 0: alloc"), "{message}");
}

#[test]
#[should_panic(
    expected = "blocks_lie_apart_aligned_and_in_range: after alloc of 2 bytes, align 1: \
                overlap: block #2"
)]
fn broken_property_panics_with_its_name_the_operation_and_the_violation() {
    Property::BlocksLieApart.hold(|| ToyArena::new(ArenaFault::BumpsOneByteShort));
}
