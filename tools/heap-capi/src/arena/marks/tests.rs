//! The good checkpoints, compared with a list that forgets nothing.

use arena_core::{Arena, Checkpoint};

use super::Marks;

/// All checkpoints ever, each with whether it is still good.
#[derive(Default)]
struct Model {
    all: Vec<(u64, Checkpoint, bool)>,
}

impl Model {
    fn agrees_with(&self, marks: &Marks) {
        let good = self.all.iter().filter(|mark| mark.2);
        assert!(
            good.map(|mark| (mark.0, mark.1))
                .eq(marks.good.iter().copied())
        );
    }
}

#[test]
fn a_checkpoint_is_good_until_the_arena_goes_below_it() {
    let mut arena = Arena::new();
    let (mut marks, mut model) = (Marks::new(), Model::default());
    let mut random = 12_345_u64;
    let (mut went_back, mut refused) = (0, 0);
    for _ in 0..20_000 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let choice = random >> 33;
        match choice % 8 {
            0..3 => drop(arena.alloc(choice)),
            3..5 => {
                let position = arena.checkpoint();
                let serial = marks.take(position).unwrap();
                if !model.all.iter().any(|mark| mark.0 == serial) {
                    model.all.push((serial, position, true));
                }
            }
            5..7 if !model.all.is_empty() => {
                let back = choice as usize / 8 % model.all.len().min(6);
                let index = model.all.len() - 1 - back;
                let (serial, position, good) = model.all[index];
                match marks.back_to(serial, position.offset()) {
                    Ok(found) => {
                        assert!(good);
                        assert_eq!(found, position);
                        // SAFETY: by the model, the arena was not below it since; no block is used.
                        unsafe { arena.rewind(found) };
                        model.all[index + 1..]
                            .iter_mut()
                            .for_each(|mark| mark.2 = false);
                        went_back += 1;
                    }
                    Err(_) => {
                        assert!(!good);
                        refused += 1;
                    }
                }
            }
            _ if choice % 64 == 7 => {
                arena.reset();
                marks.void();
                model.all.iter_mut().for_each(|mark| mark.2 = false);
            }
            _ => {}
        }
        model.agrees_with(&marks);
        let serials_go_up = marks.good.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1);
        assert!(serials_go_up);
    }
    assert!(went_back > 100 && refused > 100, "{went_back}, {refused}");
}
