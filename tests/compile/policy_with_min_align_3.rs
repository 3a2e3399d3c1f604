//! A minimum alignment is a power of two.
//@error-in-other-file: a minimum alignment is a power of two, at most 64

fn main() {
    let _arena = arena_core::Policy::new().build_with_min_align::<3>();
}
