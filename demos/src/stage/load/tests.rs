use super::{load, store};

#[test]
fn a_byte_is_loaded_and_stored_where_it_is_and_nowhere_else() {
    let mut bytes = [1_u8, 2, 3];
    let middle = bytes.as_mut_ptr().expose_provenance() + 1;
    // SAFETY: a byte of this test's own array.
    assert_eq!(unsafe { load(middle) }, 2);
    // SAFETY: as above, and no reference to it is used meanwhile.
    unsafe { store(middle, 0xfe) };
    assert_eq!(std::hint::black_box(bytes), [1, 0xfe, 3]);
}
