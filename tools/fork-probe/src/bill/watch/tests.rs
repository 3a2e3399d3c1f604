use super::{MOST_PAGES, Watched, page_size, refuse_giants};

fn mapping(name: &str, start: usize, pages: usize, first: usize) -> Watched {
    Watched {
        range: start..start + pages * page_size(),
        name: name.to_owned(),
        first,
    }
}

#[test]
fn as_many_pages_as_may_be_are_watched_and_not_one_more() {
    let all = [
        mapping("small", 0x1000, 1, 0),
        mapping("large", 0x10_0000, MOST_PAGES - 1, 1),
    ];
    assert!(refuse_giants(&all, MOST_PAGES).is_ok());
    let refused = refuse_giants(&all, MOST_PAGES + 1).unwrap_err().to_string();
    let words = format!(
        "{} pages that a child could write, and at most {MOST_PAGES}",
        MOST_PAGES + 1
    );
    assert!(refused.contains(&words), "{refused}");
    assert!(refused.contains("large at 0x100000"), "{refused}");
}

#[test]
fn a_process_without_such_a_mapping_is_not_refused() {
    assert!(refuse_giants(&[], 0).is_ok());
}
