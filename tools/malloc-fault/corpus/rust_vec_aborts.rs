// Rust's own answer: a message, and abort.
// expect make_list K=1 aborted
#[inline(never)]
fn make_list() -> Vec<u64> {
    let mut list = Vec::with_capacity(100);
    list.push(7);
    list
}

fn main() {
    assert_eq!(make_list().len(), 1);
}
