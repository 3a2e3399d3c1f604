use super::{HandArena, Sharing, c_bytes};

fn arena() -> HandArena {
    HandArena::map(128, Sharing::Private).expect("a mapping")
}

#[test]
fn blocks_follow_each_other_until_the_bound() {
    let mut arena = arena();
    assert_eq!(arena.alloc(100), Some(0));
    assert_eq!(arena.alloc(29), None);
    assert_eq!(arena.alloc(usize::MAX), None);
    assert_eq!(arena.alloc(28), Some(100));
    assert_eq!(arena.alloc(0), Some(128));
    assert_eq!(arena.alloc(1), None);
    assert_eq!(arena.used(), 128);
}

#[test]
fn reset_gives_the_first_byte_out_again_with_its_old_value() {
    let mut arena = arena();
    assert_eq!(arena.alloc(128), Some(0));
    arena.write(0, b"old");
    arena.reset();
    assert_eq!(arena.used(), 0);
    assert_eq!(arena.alloc(128), Some(0));
    assert_eq!(arena.snapshot()[..3], *b"old");
}

#[test]
fn what_is_written_is_read_and_the_rest_is_zero() {
    let mut arena = arena();
    arena.write(125, &c_bytes("ab"));
    let bytes = arena.snapshot();
    assert_eq!(bytes[125..], *b"ab\0");
    assert!(bytes[..125].iter().all(|&byte| byte == 0));
}

#[test]
#[should_panic(expected = "lie outside of a capacity of 128")]
fn overflow_capacity_write_1_byte() {
    arena().write(126, b"abc");
}

#[test]
#[should_panic(expected = "lie outside of a capacity of 128")]
fn overflow_capacity_read_behind_the_end() {
    arena().read_into(129, &mut []);
}
