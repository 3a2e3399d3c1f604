//! One test for each fault of a heap that moves its blocks.

use tests::Violation;
use tests::conformance::{Failure, Property};
use tests::drive::Deed;
use tests::violation::Emptied;

use crate::assert_violation;
use crate::toys::{HeapFault, ToyHeap};

fn caught(fault: HeapFault, property: Property) -> Failure {
    crate::caught(|| ToyHeap::new(fault), property)
}

#[test]
fn block_moved_without_its_bytes_is_caught() {
    let failure = caught(HeapFault::MovesWithoutBytes, Property::DefragKeepsContents);
    assert_eq!(failure.broken.deed, Deed::Defrag);
    assert_violation!(failure, Violation::Changed { .. });
}

#[test]
fn block_moved_over_its_own_unread_bytes_is_caught() {
    let failure = caught(HeapFault::MovesUpward, Property::DefragKeepsContents);
    assert_violation!(failure, Violation::Changed { .. });
}

#[test]
fn block_moved_to_a_misaligned_place_is_caught() {
    let failure = caught(HeapFault::MovesToMisaligned, Property::DefragKeepsContents);
    assert_violation!(failure, Violation::Misaligned { .. });
}

#[test]
fn block_moved_into_its_neighbour_is_caught() {
    let failure = caught(HeapFault::MovesIntoNeighbour, Property::DefragKeepsContents);
    assert_violation!(failure, Violation::Overlap { .. });
}

#[test]
fn block_moved_when_nothing_may_move_is_caught() {
    let failure = caught(HeapFault::MovesOnFree, Property::ContentsSurvive);
    assert!(matches!(failure.broken.deed, Deed::Free(_)), "{failure}");
    assert_violation!(failure, Violation::Moved { block, to } if to < block.address);
}

#[test]
fn leak_of_one_byte_in_each_free_is_caught() {
    let failure = caught(HeapFault::LosesOneByteEachFree, Property::FreeRecovers);
    assert_violation!(
        failure,
        Violation::LargestLost {
            fresh: 49152,
            emptied: Emptied::ByFreeing
        }
    );
}

#[test]
fn leak_of_one_byte_in_each_free_is_caught_by_filling_up_again() {
    let failure = caught(
        HeapFault::LosesOneByteEachFree,
        Property::CyclesServeTheSame,
    );
    assert_violation!(
        failure,
        Violation::Leak {
            cycle: 2,
            first: 49152,
            now: 49104,
            ..
        }
    );
}

#[test]
fn hole_that_is_never_reused_is_caught() {
    let failure = caught(HeapFault::NeverReusesHoles, Property::ExhaustionIsClean);
    assert_violation!(failure, Violation::NotReused { .. });
}

#[test]
fn free_blocks_that_never_coalesce_are_caught() {
    let failure = caught(HeapFault::NeverCoalesces, Property::FreeRecovers);
    assert_violation!(
        failure,
        Violation::LargestLost {
            emptied: Emptied::ByFreeing,
            ..
        }
    );
}

#[test]
fn neighbour_changed_by_a_free_is_caught_at_that_free() {
    let failure = caught(HeapFault::FreeWritesPastEnd, Property::ContentsSurvive);
    let Deed::Free(freed) = failure.broken.deed else {
        panic!("{failure}");
    };
    assert_violation!(
        failure,
        Violation::Changed { block, offset: 0, found: 0xee, .. } if block.id > freed
    );
}

#[test]
fn zero_size_block_without_an_address_of_its_own_is_caught() {
    let failure = caught(HeapFault::ZeroSizeTakesNoRoom, Property::ZeroSizeIsServed);
    assert_violation!(failure, Violation::Overlap { live, .. } if live.layout.size() == 0);
}

#[test]
fn overlap_of_the_usable_bytes_is_caught() {
    let failure = caught(HeapFault::OverstatesUsable, Property::BlocksLieApart);
    assert_violation!(failure, Violation::Overlap { .. });
}

#[test]
fn block_with_fewer_bytes_than_asked_for_is_caught() {
    let failure = caught(HeapFault::UnderstatesUsable, Property::BlocksLieApart);
    assert_violation!(
        failure,
        Violation::TooShort { layout, usable } if usable + 1 == layout.size()
    );
}
