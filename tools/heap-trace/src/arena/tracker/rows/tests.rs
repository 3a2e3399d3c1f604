use std::alloc::Layout;

use super::*;

/// Xorshift: the same programs in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Rows, and beside them two plain lists of addresses.
struct Model {
    rows: Rows,
    below: Vec<usize>,
    gone: Vec<usize>,
    frontier: usize,
}

impl Model {
    fn new(hoped: usize) -> Self {
        Self {
            rows: Rows::of(hoped),
            below: Vec::new(),
            gone: Vec::new(),
            frontier: 1000,
        }
    }

    fn push(&mut self, size: usize) {
        let end = self.frontier + size;
        let row = Row {
            address: self.frontier,
            meta: Meta::live(Layout::from_size_align(size, 1).unwrap()),
            id: self.frontier as u64,
            place: None,
            freed: None,
        };
        let quick = match self.rows.ready {
            0 => None,
            // SAFETY: there is room for rows.
            _ => unsafe { self.rows.next(end) },
        };
        match quick {
            Some(next) => next.write(row),
            None => {
                self.rows.make_room(end).unwrap();
                // SAFETY: room was made.
                let next = unsafe { self.rows.next(end) };
                next.expect("room was made").write(row);
            }
        }
        self.gone.retain(|&address| address >= end);
        self.below.push(self.frontier);
        self.frontier = end;
    }

    fn cut(&mut self, keep: usize) {
        self.rows.cut(keep, self.frontier);
        let mut gone = self.below.split_off(keep);
        self.frontier = gone.first().copied().unwrap_or(self.frontier);
        gone.append(&mut self.gone);
        self.gone = gone;
    }

    fn check(&self) {
        let addresses = |rows: &[Row]| rows.iter().map(|row| row.address).collect::<Vec<_>>();
        assert_eq!(addresses(self.rows.below()), self.below);
        let (first, gone) = self.rows.gone(self.frontier);
        assert_eq!(addresses(gone), self.gone);
        for (index, row) in gone.iter().enumerate() {
            assert_eq!(row.id, row.address as u64, "whole rows are moved");
            assert_eq!(
                self.rows.rows.slice(0..self.rows.end())[first + index].id,
                row.id
            );
        }
    }
}

#[test]
fn rows_are_what_two_lists_are() {
    for seed in 1..=40 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
        // Some with blocks of one size, so that there is never a gap; some with a table that grows.
        let sizes = [1, 3, 100][seed as usize % 3];
        let mut model = Model::new([0, 100_000][seed as usize % 2]);
        for _ in 0..400 {
            match random.below(8) {
                0 => model.cut(random.below(model.below.len() + 1)),
                1 => model.cut(model.below.len().saturating_sub(random.below(5))),
                _ => model.push(40 * (1 + random.below(sizes))),
            }
            model.check();
        }
    }
}

#[test]
fn a_table_grows_with_its_gone_rows() {
    let mut model = Model::new(0);
    for _ in 0..5000 {
        model.push(40);
    }
    model.cut(10);
    model.check();
    // Each of these takes the place of no gone row for a long time, and the gap runs out.
    for _ in 0..3000 {
        model.push(1);
    }
    model.check();
    assert!(model.rows.ready > 4096, "{}", model.rows.ready);
}

#[test]
fn the_freed_end_is_found_over_any_number_of_rows() {
    for live in [0, 1, 7, 8, 9, 20] {
        for freed in [0, 1, 7, 8, 9, 17, 40] {
            let mut model = Model::new(0);
            for _ in 0..live + freed {
                model.push(40);
            }
            for row in live..live + freed {
                // SAFETY: below `len`.
                unsafe { model.rows.mark_freed(row, None) };
            }
            assert_eq!(model.rows.first_of_freed_end(), live);
        }
    }
}

#[test]
fn a_meta_says_layout_and_state() {
    for (size, align) in [(1, 1), (64, 8), ((1 << 47) - 1, 1), (5, 4096)] {
        let layout = Layout::from_size_align(size, align).unwrap();
        for state in [State::Live, State::Freed, State::Rewound, State::Untraced] {
            let meta = Meta::live(layout).in_state(state);
            assert_eq!((meta.layout(), meta.state()), (layout, state));
            assert!(meta.is(state));
            assert_eq!(meta == Meta::live(layout), state == State::Live);
        }
    }
}
