use super::*;

#[test]
fn what_is_available_is_read_in_kibibytes() {
    let text = "MemTotal:  100 kB\nMemFree: 7 kB\nMemAvailable:     12 kB\n";
    assert_eq!(available(text), Some(12 << 10));
    assert_eq!(available("MemTotal: 100 kB\n"), None);
}

#[test]
fn more_than_any_machine_has_is_refused_with_both_numbers() {
    let refused = check(usize::MAX / 2).unwrap_err();
    assert!(
        refused.contains("MiB more are too many: the machine has"),
        "{refused}"
    );
}

#[test]
fn a_group_with_a_limit_leaves_the_difference() {
    let group = tempfile::tempdir().unwrap();
    assert_eq!(left_in(group.path()), None);
    fs::write(group.path().join("memory.max"), "max\n").unwrap();
    fs::write(group.path().join("memory.current"), "300\n").unwrap();
    assert_eq!(left_in(group.path()), None);
    fs::write(group.path().join("memory.max"), "1000\n").unwrap();
    assert_eq!(left_in(group.path()), Some(700));
    fs::write(group.path().join("memory.current"), "2000\n").unwrap();
    assert_eq!(left_in(group.path()), Some(0));
}
