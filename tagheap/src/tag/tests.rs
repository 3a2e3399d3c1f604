use super::*;

#[test]
fn every_number_of_16_bits_is_a_tag_or_an_error() {
    for bits in 0..=u16::MAX {
        let expected = match bits {
            0x0000..=0x3fff => Tag::head(bits),
            0x7fff | 0xbfff => Err(TagError::ReservedTag),
            0x4000..=0x7ffe => Tag::tail(bits - 0x4000),
            0x8000..=0xbffe => Tag::tail(bits - 0x8000),
            0xc000.. => Err(TagError::InvalidTag { bits: bits.into() }),
        };
        assert_eq!(Tag::from_bits(bits), expected, "{bits:#06x}");
    }
}

#[test]
fn the_spelling_of_old_is_not_cut_to_15_bits() {
    let tag = Tag::from_bits(0x8001).unwrap();
    assert_eq!((tag.side(), tag.bits()), (Side::Tail, 0x4001));
    assert_ne!(Ok(tag), Tag::head(0x8001 & 0x7fff));
}

#[test]
fn numbers_beyond_a_side_are_refused() {
    assert_eq!(
        Tag::head(0x4000),
        Err(TagError::InvalidTag { bits: 0x4000 })
    );
    assert_eq!(Tag::tail(0x3fff), Err(TagError::ReservedTag));
    assert_eq!(
        Tag::tail(0x4000),
        Err(TagError::InvalidTag { bits: 0x4000 })
    );
    assert_eq!(Tag::tail(0x3ffe).unwrap().bits(), 0x7ffe);
}

#[test]
fn a_range_is_of_one_side_and_not_reversed() {
    let head = |n| Tag::head(n).unwrap();
    let tail = |n| Tag::tail(n).unwrap();
    assert!(TagRange::new(&(head(3)..=head(3))).is_some());
    assert!(TagRange::new(&(head(4)..=head(3))).is_none());
    assert!(TagRange::new(&(head(0)..=tail(0))).is_none());
    let range = TagRange::new(&(tail(2)..=tail(5))).unwrap();
    assert!(range.contains(tail(2)) && range.contains(tail(5)));
    assert!(!range.contains(tail(6)) && !range.contains(head(3)));
}
