//! The demos in their order: one line each.

use crate::stage::Demo;
use std::cmp::Reverse;
use std::fmt;

/// All demos, in the order in which a student meets them.
pub const DEMOS: &[&Demo] = &[
    &crate::demo_08::DEMO,
    &crate::demo_09a::DEMO,
    &crate::demo_09b::DEMO,
    &crate::demo_09c::DEMO,
    &crate::demo_10::DEMO,
    &crate::demo_11::DEMO,
    &crate::demo_12::DEMO,
    &crate::demo_13::DEMO,
    &crate::demo_14::DEMO,
    &crate::demo_15::DEMO,
    &crate::demo_16::DEMO,
    &crate::demo_17::DEMO,
    &crate::demo_18::DEMO,
    &crate::demo_19::DEMO,
    &crate::demo_20::DEMO,
    &crate::demo_21::DEMO,
    &crate::demo_22::DEMO,
    &crate::demo_23::DEMO,
    &crate::demo_24::DEMO,
    &crate::demo_25::DEMO,
    &crate::demo_26::DEMO,
    &crate::demo_27::DEMO,
];

/// Why a name leads to no demo.
#[derive(Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No number is like it; the nearest by spelling.
    Nearest(&'static str),
    /// It is the start of several numbers, as `09` is.
    Several(Vec<&'static str>),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nearest(nearest) => write!(f, "the nearest is {nearest}"),
            Self::Several(several) => write!(f, "there are {}", several.join(", ")),
        }
    }
}

/// Finds a demo by its number (`09a`, `9a`, `09A`) or by the name of its binary.
///
/// # Errors
///
/// [`Unknown`] with what the reader may have meant.
pub fn find(name: &str) -> Result<&'static Demo, Unknown> {
    let wanted = canonical(name);
    if let Some(demo) = DEMOS
        .iter()
        .find(|demo| demo.number == wanted || demo.binary == name)
    {
        return Ok(demo);
    }
    let several: Vec<_> = numbers()
        .filter(|number| !wanted.is_empty() && number.starts_with(&wanted))
        .collect();
    if !several.is_empty() {
        return Err(Unknown::Several(several));
    }
    let nearest = numbers()
        .min_by_key(|number| distance(number, &wanted))
        .unwrap_or_default();
    Err(Unknown::Nearest(nearest))
}

/// The numbers of all demos, in order.
pub fn numbers() -> impl Iterator<Item = &'static str> {
    DEMOS.iter().map(|demo| demo.number)
}

/// `9a` and `09A` are typed as often as `09a`.
fn canonical(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    let digits = lower.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 1 {
        format!("0{lower}")
    } else {
        lower
    }
}

/// How far two names are from each other: a longer common start wins, then the nearer letter after it, so that `09d`
/// is nearer to `09c` than to `09a`.
fn distance(a: &str, b: &str) -> (Reverse<usize>, u8) {
    let common = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    let next = a.bytes().zip(b.bytes()).nth(common);
    (Reverse(common), next.map_or(0, |(x, y)| x.abs_diff(y)))
}

#[cfg(test)]
mod tests;
