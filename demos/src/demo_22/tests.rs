use super::pool::{Free, Pool};
use super::{BLOCK, CAPACITY};
use crate::by_hand::{HandArena, Sharing};

fn arena() -> HandArena {
    HandArena::map(CAPACITY, Sharing::Private).unwrap()
}

#[test]
fn a_quarantine_keeps_so_many_places_back() {
    let (mut arena, mut pool) = (arena(), Pool::with_quarantine(2));
    let places: Vec<_> = (0..3).map(|_| pool.alloc(&mut arena).unwrap()).collect();
    for &place in &places {
        assert_eq!(pool.free(place), Free::Taken);
    }
    assert_eq!(pool.alloc(&mut arena), Some(places[0]), "the oldest");
    assert_eq!(pool.alloc(&mut arena), Some(3 * BLOCK), "two are kept back");
    assert_eq!(pool.free(places[1]), Free::Double);
}

#[test]
fn a_place_behind_a_freed_block_is_foreign() {
    let (mut arena, mut pool) = (arena(), Pool::with_table());
    let place = pool.alloc(&mut arena).unwrap();
    assert_eq!(pool.free(place + 1), Free::Interior);
    assert_eq!(pool.free(place), Free::Taken);
    assert_eq!(pool.free(place + 1), Free::Foreign);
    assert_eq!(pool.free(place + BLOCK), Free::Foreign);
}
