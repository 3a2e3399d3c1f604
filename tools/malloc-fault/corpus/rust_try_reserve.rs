// The fallible twin, passed on.
// expect make_list K=1 propagated
use std::collections::TryReserveError;
use std::process::ExitCode;

#[inline(never)]
fn make_list() -> Result<Vec<u64>, TryReserveError> {
    let mut list = Vec::new();
    list.try_reserve_exact(100)?;
    Ok(list)
}

fn main() -> ExitCode {
    match make_list() {
        Ok(list) => ExitCode::from(list.len() as u8),
        Err(_) => ExitCode::from(3),
    }
}
