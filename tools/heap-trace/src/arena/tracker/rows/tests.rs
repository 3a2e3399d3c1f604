use std::alloc::Layout;
use std::panic::Location;

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

/// Rows, and beside them two plain lists of addresses and numbers; what was not traced has the number
/// of the block after it.
struct Model {
    rows: Rows,
    below: Vec<(usize, u64)>,
    gone: Vec<(usize, u64)>,
    frontier: usize,
    next: u64,
}

impl Model {
    fn new(hoped: usize) -> Self {
        Self {
            rows: Rows::of(hoped),
            below: Vec::new(),
            gone: Vec::new(),
            frontier: 1000,
            next: 0,
        }
    }

    fn push(&mut self, size: usize) {
        let layout = Layout::from_size_align(size, 1).unwrap();
        let block = Block::before(self.frontier).with(layout);
        self.write(size, Row::live(block, Location::caller()));
        self.next += 1;
    }

    fn push_untraced(&mut self, size: usize) {
        self.rows.make_room(self.frontier + size).unwrap();
        self.write(size, Row::untraced(self.frontier));
        self.rows.skip_number();
    }

    fn write(&mut self, size: usize, row: Row) {
        let end = self.frontier + size;
        let quick = match self.rows.ready {
            0 => None,
            // SAFETY: there is room for rows.
            _ => unsafe { self.rows.next(Block::before(end)) },
        };
        match quick {
            Some(next) => next.write(row),
            None => {
                self.rows.make_room(end).unwrap();
                // SAFETY: room was made.
                let next = unsafe { self.rows.next(Block::before(end)) };
                next.expect("room was made").write(row);
            }
        }
        self.gone.retain(|&(address, _)| address >= end);
        self.below.push((self.frontier, self.next));
        self.frontier = end;
    }

    fn cut(&mut self, keep: usize) {
        self.rows.cut(keep, self.frontier).unwrap();
        let mut gone = self.below.split_off(keep);
        self.frontier = gone.first().map_or(self.frontier, |&(address, _)| address);
        gone.append(&mut self.gone);
        self.gone = gone;
    }

    fn check(&self) {
        let tell = |first: usize, rows: &[Row]| {
            let tell =
                |(at, row): (usize, &Row)| (row.block.address(), self.rows.number(first + at));
            rows.iter().enumerate().map(tell).collect::<Vec<_>>()
        };
        assert_eq!(tell(0, self.rows.below()), self.below);
        let (first, gone) = self.rows.gone(self.frontier);
        assert_eq!(tell(first, gone), self.gone);
        assert_eq!(self.rows.next_number(), self.next);
        for (row, _) in self.below.iter().enumerate() {
            assert_ne!(self.rows.state(row), State::Rewound);
        }
        for row in first..first + gone.len() {
            assert_ne!(self.rows.state(row), State::Live);
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
                2 if seed % 4 == 0 => model.push_untraced(8 * (1 + random.below(sizes))),
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
                let site = SiteId::given_to(Location::caller());
                model.rows.find(Rows::mark(row)).unwrap().mark_freed(site);
            }
            assert_eq!(model.rows.first_of_freed_end(), live);
        }
    }
}

#[test]
fn a_run_of_numbers_for_each_cut() {
    let mut model = Model::new(0);
    // More runs than the first region of them has room for, on both sides of the bump pointer.
    for step in 0..30_000 {
        model.push(40);
        model.push(40);
        model.cut(model.below.len() - 1);
        if step % 3000 == 0 {
            model.check();
        }
    }
    model.check();
    model.cut(100);
    model.check();
    for _ in 0..2000 {
        model.push(20);
    }
    model.check();
}

#[test]
fn wide_layouts_are_moved_with_their_rows() {
    let mut model = Model::new(0);
    for _ in 0..20 {
        model.push(40);
    }
    for size in 10_000..10_010 {
        let end = model.frontier + size;
        model.rows.make_room(end).unwrap();
        model.rows.make_room_for_layout().unwrap();
        model.push(size);
        let layout = Layout::from_size_align(size, 1).unwrap();
        model.rows.note_layout(layout);
    }
    // Their rows lie above the bump pointer now, and are moved up, then down again.
    model.cut(20);
    model.cut(5);
    for _ in 0..100 {
        model.push(1);
    }
    model.cut(3);
    let (first, gone) = model.rows.gone(model.frontier);
    let sizes = (first..first + gone.len()).map(|row| model.rows.layout(row).size());
    let sizes: Vec<_> = sizes.filter(|&size| size >= 10_000).collect();
    assert_eq!(sizes, (10_000..10_010).collect::<Vec<_>>());
}

#[test]
fn a_mark_that_is_not_a_rows_is_not_followed() {
    let mut model = Model::new(0);
    for _ in 0..3 {
        model.push(40);
    }
    let found: Vec<u64> = (0..100)
        .filter(|&mark| model.rows.find(mark).is_some())
        .collect();
    assert_eq!(found, [0, 1, 2].map(Rows::mark));
    assert!(model.rows.find(u64::MAX).is_none());
}

#[test]
fn a_block_says_address_and_layout() {
    for (size, align) in [
        (1, 1),
        (64, 8),
        (8190, 64),
        (8191, 1),
        (5, 128),
        ((1 << 47) - 1, 1),
    ] {
        let layout = Layout::from_size_align(size, align).unwrap();
        for address in [1000, ADDRESS_END - 8] {
            let block = Block::before(address).with(layout);
            assert_eq!(block.address(), address);
            assert_eq!(block.layout(), (!is_wide(layout)).then_some(layout));
            assert!(Block::before(address) <= block && block < Block::before(address + 1));
            assert!(!block.is_untraced());
            assert_ne!(block, Row::untraced(address).block);
        }
        assert_eq!(Wide::of(layout).layout(), layout);
    }
    let narrow = |size, align| !is_wide(Layout::from_size_align(size, align).unwrap());
    assert!(narrow(8190, 64) && !narrow(8191, 64) && !narrow(8190, 128));
}

#[test]
fn every_narrow_layout_has_a_word_of_its_own() {
    let mut words = std::collections::HashSet::new();
    let sizes = (0..8191).map(|size| Layout::from_size_align(size, 1).unwrap());
    let all = (0..7).flat_map(|align| {
        sizes
            .clone()
            .map(move |it| it.align_to(1 << align).unwrap())
    });
    for layout in all {
        let block = Block::before(4096).with(layout);
        assert!(words.insert(format!("{block:?}")), "{layout:?}");
        assert_eq!(block.layout(), Some(layout));
    }
}

#[test]
fn a_row_says_where_and_whether_it_was_freed() {
    let (place, freed) = (Location::caller(), here());
    let mut row = Row::live(Block::before(4096), place);
    assert_eq!(
        (row.place(), row.freed(), row.is_freed()),
        (Some(place), None, false)
    );
    row.mark_freed(SiteId::given_to(freed));
    assert_eq!(
        (row.place(), row.freed(), row.is_freed()),
        (Some(place), Some(freed), true)
    );
    let row = Row::untraced(4096);
    assert_eq!(
        (row.place(), row.freed(), row.is_freed()),
        (None, None, false)
    );
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}
