//! How the time that fork takes grows with the memory that was touched.

mod room;
mod spread;

use std::time::Instant;

use arena_core::region::{Advice, Region, RegionError, page_size};

use crate::child::{Child, Patience};
use crate::kernel::{huge_page_size, smaps};
use crate::observation::to_nanoseconds;
use crate::probe::ForkProbe;

pub use spread::Spread;

/// The smallest size measured; each next is four times as large.
const FIRST: usize = 1 << 20;

/// What kind of memory a curve is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Kind {
    /// Private memory in OS pages: fork copies a table entry for each.
    Pages,
    /// Private memory in huge pages: one entry for each.
    Huge,
    /// Private memory in OS pages that the child does not get.
    DontFork,
    /// Private memory in OS pages that the child gets as zeroes.
    WipeOnFork,
    /// Shared memory in OS pages: the child finds them again when it touches them.
    Shared,
}

impl Kind {
    /// All kinds, in the order of a report.
    pub const ALL: [Kind; 5] = [
        Kind::Pages,
        Kind::Huge,
        Kind::DontFork,
        Kind::WipeOnFork,
        Kind::Shared,
    ];

    /// Return its name in a report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pages => "OS pages",
            Kind::Huge => "huge pages",
            Kind::DontFork => "DONTFORK",
            Kind::WipeOnFork => "WIPEONFORK",
            Kind::Shared => "shared",
        }
    }

    fn map(self, len: usize) -> Result<Region, RegionError> {
        let region = match self {
            Kind::Shared => Region::anonymous_shared(len),
            Kind::Huge => Region::anonymous(len.next_multiple_of(huge_page_size())),
            _ => Region::anonymous(len),
        }?;
        let advices: &[Advice] = match self {
            Kind::Huge => &[Advice::HugePages],
            Kind::Pages | Kind::Shared => &[Advice::NoHugePages],
            Kind::DontFork => &[Advice::NoHugePages, Advice::DontFork],
            Kind::WipeOnFork => &[Advice::NoHugePages, Advice::WipeOnFork],
        };
        for &advice in advices {
            match region.advise(0..region.len(), advice) {
                // A kernel without huge pages need not be told to give none.
                Err(_) if advice == Advice::NoHugePages => {}
                done => done?,
            }
        }
        Ok(region)
    }
}

/// The time of fork at one size.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Point {
    /// Bytes touched before.
    pub bytes: usize,
    /// How many of them lie in huge pages; none without smaps.
    pub huge: Option<usize>,
    /// Nanoseconds of the call of fork, in the parent.
    pub fork: Spread,
}

/// One kind of memory, touched more and more.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Curve {
    /// Of which memory.
    pub kind: Kind,
    /// One for each size that there was room for.
    pub points: Vec<Point>,
    /// Why it ends before the size that was asked for.
    pub stopped: Option<String>,
}

/// Fork's own cost.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Latency {
    /// Of this process, without any of the memory below.
    pub bare: Option<Spread>,
    /// One for each kind of memory.
    pub curves: Vec<Curve>,
    /// Whether every curve reaches the size that was asked for.
    pub complete: bool,
    /// How long measuring took.
    pub nanoseconds: u64,
}

impl ForkProbe<'_> {
    /// Measure fork with 1 MiB, 4 MiB and so on touched, up to so many bytes, so many times each.
    ///
    /// A curve stops where the machine has no room for the next size, and says so.
    #[must_use]
    pub fn latency(&self, up_to: usize, runs: usize) -> Latency {
        let start = Instant::now();
        let measure = Measure {
            patience: self.patience(),
            runs: runs.max(1),
        };
        let bare = measure.fork();
        let curves: Vec<_> = Kind::ALL
            .into_iter()
            .map(|kind| measure.curve(kind, up_to))
            .collect();
        Latency {
            complete: bare.is_ok() && curves.iter().all(|curve| curve.stopped.is_none()),
            bare: bare.ok(),
            curves,
            nanoseconds: to_nanoseconds(start.elapsed()),
        }
    }
}

struct Measure<'a> {
    patience: Patience<'a>,
    runs: usize,
}

impl Measure<'_> {
    fn curve(&self, kind: Kind, up_to: usize) -> Curve {
        let mut points = Vec::new();
        let stopped = self.measure(kind, up_to, &mut points).err();
        Curve {
            kind,
            points,
            stopped,
        }
    }

    /// Touch more and more of one region; the error says why it ended early.
    fn measure(&self, kind: Kind, up_to: usize, points: &mut Vec<Point>) -> Result<(), String> {
        let (region, refused) = self.largest(kind, up_to)?;
        let mut touched = 0;
        for bytes in sizes(up_to.min(region.len())) {
            let more = bytes - touched;
            room::check(more)?;
            touch(&region, touched..bytes)
                .map_err(|error| format!("{} MiB: {error}", bytes >> 20))?;
            touched = bytes;
            let fork = self.fork()?;
            points.push(Point {
                bytes,
                huge: huge(&region),
                fork,
            });
        }
        refused.map_or(Ok(()), Err)
    }

    /// Map as much as is allowed, in the sizes measured; with why it is not all.
    fn largest(&self, kind: Kind, up_to: usize) -> Result<(Region, Option<String>), String> {
        let mut refused = None;
        for bytes in sizes(up_to).collect::<Vec<_>>().into_iter().rev() {
            match kind.map(bytes) {
                Ok(region) => return Ok((region, refused)),
                Err(error) => _ = refused.get_or_insert(error.to_string()),
            }
        }
        Err(refused.unwrap_or_else(|| format!("nothing to measure up to {up_to} bytes")))
    }

    /// Fork a child that does nothing, again and again.
    fn fork(&self) -> Result<Spread, String> {
        let mut times = Vec::with_capacity(self.runs);
        // The first is not counted: it makes the tables that the others find.
        for run in 0..=self.runs {
            if self.patience.is_over() {
                return Err("interrupted".to_owned());
            }
            // SAFETY: the child performs nothing.
            let child = unsafe { Child::fork(self.patience, &mut |_| ()) };
            let child = child.map_err(|error| format!("fork: {error}"))?;
            if run > 0 {
                times.push(to_nanoseconds(child.fork_time));
            }
            child.end();
        }
        Ok(Spread::of(times))
    }
}

fn sizes(up_to: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(FIRST), |size| size.checked_mul(4))
        .take_while(move |&size| size <= up_to)
}

fn touch(region: &Region, range: std::ops::Range<usize>) -> Result<(), RegionError> {
    match region.populate(range.clone()) {
        // A kernel before 5.14: by hand.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            for offset in range.step_by(page_size()) {
                let at = region.base().as_ptr().wrapping_add(offset);
                // SAFETY: within the region, which nobody else uses.
                unsafe { at.write_volatile(1) };
            }
            Ok(())
        }
        done => done,
    }
}

fn huge(region: &Region) -> Option<usize> {
    let start = region.base().addr().get();
    let account = smaps::account(None, &(start..start + region.len())).ok()?;
    Some(account.huge)
}
