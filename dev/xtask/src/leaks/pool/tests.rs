use super::map;

#[test]
fn results_are_in_the_order_of_the_pieces() {
    let items = (0..100).collect::<Vec<u32>>();
    let doubled = map(4, &items, |item| Ok(item * 2)).unwrap();
    assert_eq!(
        doubled,
        items.iter().map(|item| item * 2).collect::<Vec<_>>()
    );
}

#[test]
fn an_error_ends_the_work_and_is_returned() {
    let items = (0..100).collect::<Vec<u32>>();
    let result = map(1, &items, |&item| match item {
        3 => Err("three".to_owned()),
        4.. => panic!("begun after an error"),
        _ => Ok(()),
    });
    assert_eq!(result, Err("three".to_owned()));
}

#[test]
fn no_pieces_are_no_results() {
    assert_eq!(map(2, &[] as &[u32], |_| Ok(())).unwrap(), []);
}
