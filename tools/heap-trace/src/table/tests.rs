use super::Table;

#[test]
fn rows_survive_growing() {
    let mut table = Table::new();
    for n in 0..100_000_u64 {
        table.push(n).unwrap();
    }
    assert!(table.as_slice().iter().copied().eq(0..100_000));
    assert!(table.granted() >= 800_000);
}

#[test]
fn an_empty_table_takes_no_memory() {
    let mut table = Table::<u64>::new();
    assert_eq!(
        (table.granted(), table.pop(), table.last()),
        (0, None, None)
    );
}

#[test]
fn rows_come_back_in_reverse_order() {
    let mut table = Table::filled(3, 7).unwrap();
    table.push(8).unwrap();
    assert_eq!(
        (table.pop(), table.pop(), table.len()),
        (Some(8), Some(7), 2)
    );
    table.truncate(0);
    assert_eq!(table.last(), None);
}
