//! An arena is not frozen while a block is in use.

arena_core::root!(Number<'a> = u64);

fn main() {
    let arena = arena_core::Arena::new();
    let block = arena.alloc(1_u64);
    let frozen = arena.freeze::<Number>(|arena| arena.alloc(2)); //~ E0505
    *block += 1;
    drop(frozen);
}
