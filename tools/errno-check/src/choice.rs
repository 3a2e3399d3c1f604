//! Every way through a run that chooses: the script of a run, and the next script.

use crate::facts::Facts;
use crate::input::Inputs;
use crate::value::{Gap, Origin, Value, mask, signed};
use std::collections::BTreeSet;

/// The choices of one run, replayed from a script and extended by first choices.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    script: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    /// One of `of` ways.
    pub(crate) fn choose(&mut self, of: usize) -> usize {
        if self.at == self.script.len() {
            self.script.push((0, of));
        }
        let (chosen, _) = self.script[self.at];
        self.at += 1;
        chosen
    }

    /// Goes on to the next way through; false if all have been taken.
    pub(crate) fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((chosen, of)) = self.script.pop() {
            if chosen + 1 < of {
                self.script.push((chosen + 1, of));
                return true;
            }
        }
        false
    }
}

/// The numbers that are told apart in one case: a free choice is one of them, or an [`Value::Atom`] that is none.
///
/// Programs only copy and compare what was chosen freely (arithmetic on it is kept as a formula), so numbers that no
/// constant, no input and no result equals are all alike, and one name for each stands for them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers {
    of_32: BTreeSet<u64>,
    of_64: BTreeSet<u64>,
    orders: [bool; 2],
}

/// A gap with fewer numbers than this is filled with them: an atom must not stand for too few.
const SMALL_GAP: i128 = 16;

impl Numbers {
    pub(crate) fn of(facts: &Facts, inputs: &Inputs) -> Self {
        let all = |width| {
            let mut numbers = facts.constants(width);
            numbers.extend(inputs.given_numbers(width));
            numbers
        };
        let mut numbers = Self {
            of_32: all(32),
            of_64: all(64),
            orders: [facts.orders(32), facts.orders(64)],
        };
        numbers.fill();
        numbers
    }

    fn width(&self, width: u32) -> (&BTreeSet<u64>, bool) {
        if width == 32 {
            (&self.of_32, self.orders[0])
        } else {
            (&self.of_64, self.orders[1])
        }
    }

    /// Takes in a number that a run came to by itself.
    pub(crate) fn meet(&mut self, value: &Value) {
        if let Value::Int {
            width,
            bits,
            origin: Origin::Given,
        } = value
        {
            match width {
                32 => self.of_32.insert(*bits),
                64 => self.of_64.insert(*bits),
                _ => false,
            };
        }
    }

    /// Closes small gaps.
    pub(crate) fn fill(&mut self) {
        for width in [32, 64] {
            if !self.width(width).1 {
                continue;
            }
            let small: Vec<u64> = self
                .gaps(width)
                .into_iter()
                .filter(|gap| gap.below - gap.above <= SMALL_GAP)
                .flat_map(|gap| gap.above + 1..gap.below)
                .map(|number| number as u64 & mask(width))
                .collect();
            let of = if width == 32 {
                &mut self.of_32
            } else {
                &mut self.of_64
            };
            of.extend(small);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.of_32.len() + self.of_64.len()
    }

    /// The numbers of this width that are told apart.
    pub(crate) fn known(&self, width: u32) -> impl Iterator<Item = u64> + '_ {
        self.width(width).0.iter().copied()
    }

    /// The gaps between them that hold a number.
    pub(crate) fn gaps(&self, width: u32) -> Vec<Gap> {
        let (numbers, ordered) = self.width(width);
        if !ordered {
            return vec![Gap::ALL];
        }
        let (low, high) = (-(1_i128 << (width - 1)) - 1, 1_i128 << (width - 1));
        let mut edges: Vec<i128> = numbers
            .iter()
            .map(|&n| i128::from(signed(width, n)))
            .collect();
        edges.extend([low, high]);
        edges.sort_unstable();
        let pairs = edges.windows(2).map(|pair| Gap {
            above: pair[0],
            below: pair[1],
        });
        pairs.filter(|gap| gap.below - gap.above > 1).collect()
    }
}
