use super::*;

#[test]
fn a_line_keeps_its_number() {
    let line = Location::caller();
    let site = SiteId::given_to(line);
    assert_eq!(SiteId::given_to(line), site);
    assert!(SiteId::known(line).is_none_or(|known| known == site));
    assert!(ptr::eq(site.place().unwrap(), line));
}

#[test]
fn lines_that_meet_stand_one_after_the_other_and_the_last_place_is_for_all_others() {
    static LINES: [Location<'static>; 20] = [*Location::caller(); 20];
    let table = [const { AtomicPtr::new(ptr::null_mut()) }; 8];
    let given: Vec<SiteId> = LINES
        .iter()
        .map(|line| SiteId::given_in(&table, line))
        .collect();
    let mut numbers: Vec<usize> = given[..7].iter().map(|site| site.number()).collect();
    for (line, &site) in LINES.iter().zip(&given) {
        assert_eq!(SiteId::given_in(&table, line), site);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
    assert!(given[7..].iter().all(|&site| site == SiteId::OTHER));
    assert!(SiteId::OTHER.place().is_none());
}
