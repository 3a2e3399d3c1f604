use super::Spread;

#[test]
fn the_middle_and_the_quarters_are_measured_values() {
    let spread = Spread::of(vec![9, 1, 5, 3, 7]);
    assert_eq!(
        (
            spread.min,
            spread.lower,
            spread.median,
            spread.upper,
            spread.max
        ),
        (1, 3, 5, 7, 9)
    );
    let one = Spread::of(vec![4]);
    assert_eq!((one.min, one.median, one.max, one.runs), (4, 4, 4, 1));
}
