//@check-pass

//! What a scope hands out survives the scopes within; arenas, regions and views can be sent.

fn sent<T: Send>() {}

fn main() {
    sent::<arena_core::Arena>();
    sent::<arena_core::Arena<1, arena_core::Buffer<'static>>>();
    sent::<arena_core::Region>();
    sent::<arena_core::region::View>();

    let mut arena = arena_core::Arena::new();
    let total = arena.scope(|outer| {
        let kept = outer.alloc_slice_copy(&[1, 2, 3]);
        for _ in 0..3 {
            let sum: i32 = kept.iter().sum();
            kept[0] += outer.scope(|inner| *inner.alloc(sum));
        }
        kept.iter().sum::<i32>()
    });
    assert_eq!(total, 48);

    let leaked: &mut String = arena.alloc_leaky(String::from("knowingly"));
    leaked.push('!');
}
