//! While a scope is open, the one around it cannot allocate: its blocks would be rewound.

fn main() {
    let mut arena = arena_core::Arena::new();
    arena.scope(|outer| {
        outer.scope(|_inner| { //~ E0502
            outer.alloc(1);
        });
    });
}
