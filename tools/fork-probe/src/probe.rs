//! The probe: one experiment, or one for each mapping.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arena_core::Region;
use arena_core::region::page_size;

use crate::child::Patience;
use crate::error::ProbeError;
use crate::kernel::moderate_huge_page;
use crate::matrix::{Matrix, Row};
use crate::observation::{Observation, to_nanoseconds};
use crate::recipe::{Ground, Mapping, Recipe};
use crate::script;

/// Pages of a huge page, of which two are observed.
const HUGE_PAGES: usize = 2;

/// The longest wait: any time from now on can be told in it, and no poll is too long.
const DEADLINE_MOST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// More bytes than any mapping has around the pages observed.
const AROUND: usize = 256 << 20;

/// A scripted experiment on what fork does to a mapping.
///
/// The parent fills the pages; a child is forked and reads them; the child writes a byte into every
/// second page, the parent into every fourth; each looks for the other's bytes; both allocate from the
/// inherited arena; the child ends. At each step the page tables and the accounts of both are read, from
/// whichever of the kernel's sources this process may use.
///
/// ```
/// use fork_probe::{AtFork, ForkProbe, Ground, Recipe};
///
/// let recipe = Recipe { ground: Ground::Private, at_fork: AtFork::Inherit };
/// let seen = ForkProbe::new().pages(8).recipe(recipe)?;
/// assert_eq!(seen.child_sees_inherited, Some(true));
/// assert_eq!(seen.parent_sees_child, Some(false));     // copy-on-write
/// assert_eq!(seen.letters(), "cpc=cpc=");              // copied by child, by parent, still shared
/// # Ok::<(), fork_probe::ProbeError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ForkProbe<'a> {
    pages: usize,
    patience: Patience<'a>,
}

impl Default for ForkProbe<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> ForkProbe<'a> {
    /// Begin with 16 pages, and 5 seconds for each answer of the child.
    #[must_use]
    pub fn new() -> Self {
        Self {
            pages: 16,
            patience: Patience {
                deadline: Duration::from_secs(5),
                stop: None,
            },
        }
    }

    /// Observe so many OS pages. (Two huge pages are observed whole, however many OS pages those are.)
    #[must_use]
    pub fn pages(mut self, pages: usize) -> Self {
        self.pages = pages;
        self
    }

    /// Wait so long for each answer of the child, and then kill it; a week at most.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.patience.deadline = deadline.min(DEADLINE_MOST);
        self
    }

    /// Stop when this becomes true: what was seen until then is returned, as incomplete.
    #[must_use]
    pub fn stop_when(mut self, stop: &'a AtomicBool) -> Self {
        self.patience.stop = Some(stop);
        self
    }

    pub(crate) fn patience(&self) -> Patience<'a> {
        self.patience
    }

    /// Probe a mapping made by a recipe, with an arena in it.
    ///
    /// # Errors
    ///
    /// The mapping cannot be made, its advice is refused, or fork fails. What happens after the fork is
    /// part of the observation.
    pub fn recipe(&self, recipe: Recipe) -> Result<Observation, ProbeError> {
        let pages = match recipe.ground {
            Ground::Huge => HUGE_PAGES * moderate_huge_page()? / page_size(),
            _ => self.pages,
        };
        check(pages)?;
        let mapping = recipe.make(pages)?;
        script::observe(recipe.to_string(), &mapping, self.patience)
    }

    /// Probe a region as it is, with the advice that it was given. Its bytes are overwritten.
    ///
    /// There is no arena in it, so that nothing is allocated.
    ///
    /// ```
    /// use arena_core::region::{Advice, Region, page_size};
    ///
    /// let region = Region::anonymous(8 * page_size())?;
    /// region.advise(0..region.len(), Advice::DontFork)?;
    /// let seen = fork_probe::ForkProbe::new().region("mine", region)?;
    /// assert_eq!(seen.letters(), "........");              // the child has none of it
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The region cannot be written, or fork fails.
    pub fn region(&self, name: &str, region: Region) -> Result<Observation, ProbeError> {
        // Refused for what is not writable, where a touch would end this process.
        region.populate(0..region.len())?;
        let mapping = Mapping::given(region);
        mapping.fill();
        script::observe(name.to_owned(), &mapping, self.patience)
    }

    /// Probe every combination of memory and advice.
    ///
    /// A mapping or an advice that is refused is a row like the others. It stops early only when told
    /// to, and says so.
    #[must_use]
    pub fn matrix(&self) -> Matrix {
        let start = Instant::now();
        let mut rows = Vec::new();
        let mut complete = true;
        for recipe in Recipe::all() {
            if self.patience.is_over() {
                complete = false;
                break;
            }
            let result = self.recipe(recipe).into();
            complete &= !matches!(&result, crate::matrix::Result::Seen(seen) if !seen.complete);
            rows.push(Row { recipe, result });
        }
        Matrix {
            pages: self.pages,
            page_size: page_size(),
            rows,
            complete,
            nanoseconds: to_nanoseconds(start.elapsed()),
        }
    }
}

fn check(pages: usize) -> Result<(), ProbeError> {
    let bytes = pages.checked_mul(page_size());
    match bytes.and_then(|bytes| bytes.checked_add(AROUND)) {
        Some(bytes) if pages > 0 && bytes <= isize::MAX.unsigned_abs() => Ok(()),
        _ => Err(ProbeError::Pages),
    }
}
