//! Two threads cannot bump one arena.

fn shared<T: Sync>() {}

fn main() {
    shared::<arena_core::Arena>(); //~ E0277
    //~^ E0277
    //~^^ E0277
}
