//! Mappings to probe: how each is made.

use std::alloc::Layout;
use std::fmt;
use std::ops::Range;

use arena_core::policy::{Fork, HugePages};
use arena_core::region::{Advice, Region, page_size};
use arena_core::{Arena, Policy};

use crate::error::ProbeError;
use crate::kernel::huge_page_size;

/// The kind of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Ground {
    /// Private anonymous memory, in OS pages.
    Private,
    /// Private anonymous memory, in huge pages.
    Huge,
    /// Shared anonymous memory.
    Shared,
    /// A memfd, mapped shared.
    Memfd,
    /// A memfd, mapped private.
    MemfdPrivate,
    /// A file, mapped shared.
    File,
    /// A file, mapped private.
    FilePrivate,
    /// A memfd that is sealed against writing, mapped for reading.
    Sealed,
    /// Private anonymous memory between guard pages.
    Guarded,
}

/// What the kernel is advised to do with it at a fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum AtFork {
    /// Nothing: what fork does by itself.
    Inherit,
    /// `MADV_DONTFORK`: the child does not get it.
    DontFork,
    /// `MADV_WIPEONFORK`: the child gets zeroes.
    WipeOnFork,
    /// `MADV_WIPEONFORK` where it is taken, and then `MADV_KEEPONFORK`, which undoes it.
    KeepOnFork,
}

/// A mapping to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Recipe {
    /// Of which memory.
    pub ground: Ground,
    /// With which advice.
    pub at_fork: AtFork,
}

impl Ground {
    /// All kinds of memory.
    pub const ALL: [Ground; 9] = [
        Ground::Private,
        Ground::Huge,
        Ground::Shared,
        Ground::Memfd,
        Ground::MemfdPrivate,
        Ground::File,
        Ground::FilePrivate,
        Ground::Sealed,
        Ground::Guarded,
    ];

    /// Tell whether two processes see each other's writes.
    #[must_use]
    pub fn is_shared(self) -> bool {
        matches!(
            self,
            Ground::Shared | Ground::Memfd | Ground::File | Ground::Sealed
        )
    }

    /// Tell whether `MADV_WIPEONFORK` is documented to be taken: private anonymous memory alone.
    #[must_use]
    pub fn can_be_wiped(self) -> bool {
        matches!(self, Ground::Private | Ground::Huge | Ground::Guarded)
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Ground::Private => "private anonymous",
            Ground::Huge => "private anonymous, huge pages",
            Ground::Shared => "shared anonymous",
            Ground::Memfd => "memfd, shared",
            Ground::MemfdPrivate => "memfd, private",
            Ground::File => "file, shared",
            Ground::FilePrivate => "file, private",
            Ground::Sealed => "memfd, sealed read-only",
            Ground::Guarded => "private between guard pages",
        })
    }
}

impl fmt::Display for AtFork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            AtFork::Inherit => "",
            AtFork::DontFork => "DONTFORK",
            AtFork::WipeOnFork => "WIPEONFORK",
            AtFork::KeepOnFork => "KEEPONFORK",
        })
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at_fork {
            AtFork::Inherit => write!(f, "{}", self.ground),
            advice => write!(f, "{} + {advice}", self.ground),
        }
    }
}

impl Recipe {
    /// Return every combination of memory and advice, in the order of the matrix.
    pub fn all() -> impl Iterator<Item = Recipe> {
        let advices = [
            AtFork::Inherit,
            AtFork::DontFork,
            AtFork::WipeOnFork,
            AtFork::KeepOnFork,
        ];
        Ground::ALL.into_iter().flat_map(move |ground| {
            advices
                .into_iter()
                .map(move |at_fork| Recipe { ground, at_fork })
        })
    }

    /// Make the mapping, with so many pages to observe, each filled with its pattern.
    pub(crate) fn make(self, pages: usize) -> Result<Mapping, ProbeError> {
        let ground = self.ground;
        let observed = pages * page_size();
        // One page more, for the blocks that both sides allocate in the end.
        let len = observed + page_size();
        let mut mapping = match ground {
            Ground::Huge => Mapping::huge(observed)?,
            Ground::Sealed => Mapping::sealed(observed)?,
            Ground::Guarded => {
                let region = Region::anonymous(len + 2 * page_size())?.with_guarded_ends()?;
                let end = region.len();
                Mapping {
                    trespass: Some(end),
                    ..Mapping::over(region, observed, false)?
                }
            }
            Ground::Private => Mapping::over(Region::anonymous(len)?, observed, false)?,
            Ground::Shared => Mapping::over(Region::anonymous_shared(len)?, observed, false)?,
            Ground::Memfd => Mapping::over(Region::memfd("fork-probe", len)?, observed, false)?,
            Ground::MemfdPrivate => {
                Mapping::over(Region::memfd_private("fork-probe", len)?, observed, false)?
            }
            Ground::File => {
                let file = scratch_file()?;
                // SAFETY: an unlinked file that nobody else has.
                Mapping::over(unsafe { Region::file(file, len) }?, observed, false)?
            }
            Ground::FilePrivate => {
                let file = scratch_file()?;
                // SAFETY: as above.
                Mapping::over(unsafe { Region::file_private(file, len) }?, observed, false)?
            }
        };
        mapping.recipe = Some(self);
        self.advise(&mapping)?;
        mapping.fill();
        Ok(mapping)
    }

    fn advise(self, mapping: &Mapping) -> Result<(), ProbeError> {
        let region = mapping.region();
        let whole = 0..region.len();
        match self.at_fork {
            AtFork::Inherit => {}
            AtFork::DontFork => region.advise(whole, Advice::DontFork)?,
            AtFork::WipeOnFork => region.advise(whole, Advice::WipeOnFork)?,
            AtFork::KeepOnFork => {
                if self.ground.can_be_wiped() {
                    region.advise(whole.clone(), Advice::WipeOnFork)?;
                }
                region.advise(whole, Advice::KeepOnFork)?;
            }
        }
        Ok(())
    }
}

fn scratch_file() -> Result<std::fs::File, ProbeError> {
    tempfile::tempfile().map_err(|source| ProbeError::Os {
        doing: "making a scratch file",
        source,
    })
}

/// A mapping that is there, with what the script may do to it.
#[derive(Debug)]
pub(crate) struct Mapping {
    holder: Holder,
    /// What is observed, in bytes from the region's base; whole pages.
    observed: Range<usize>,
    /// Whether it may be written.
    pub(crate) writable: bool,
    /// A byte beyond, from the region's base, that must not be touched: the child tries in the end.
    pub(crate) trespass: Option<usize>,
    /// How it was made; none if it was given.
    pub(crate) recipe: Option<Recipe>,
}

#[derive(Debug)]
enum Holder {
    Arena(Arena),
    Region(Region),
}

impl Mapping {
    /// An arena over a region, of which the first blocks, `observed` bytes together, are observed.
    fn over(region: Region, observed: usize, huge: bool) -> Result<Self, ProbeError> {
        let fork = if region.backing().is_shared() {
            Fork::Share
        } else {
            Fork::Copy
        };
        let huge_pages = if huge {
            HugePages::Always
        } else {
            HugePages::Never
        };
        let arena: Arena = Policy::new()
            .fork(fork)
            .huge_pages(huge_pages)
            .build_in(region)
            .map_err(|refused| ProbeError::Arena(refused.error))?;
        let align = if huge { huge_page_size() } else { page_size() };
        let layout = Layout::from_size_align(observed, align).map_err(|_| ProbeError::Pages)?;
        let block = arena
            .try_alloc_layout(layout)
            .map_err(|_| ProbeError::Pages)?;
        let start = block.addr().get() - arena.base().addr().get();
        if !huge {
            // A mapping with advice that few others have is not merged with its neighbours, so that
            // its account is its own; and it keeps small pages small.
            let _ = arena
                .region()
                .advise(0..arena.region().len(), Advice::NoHugePages);
        }
        Ok(Self {
            observed: start..start + observed,
            holder: Holder::Arena(arena),
            writable: true,
            trespass: None,
            recipe: None,
        })
    }

    fn huge(observed: usize) -> Result<Self, ProbeError> {
        // Room to begin on a boundary; the block in the end starts on a huge page of its own.
        let huge_page = huge_page_size();
        let len = observed.next_multiple_of(huge_page) + 2 * huge_page;
        let region = Region::anonymous(len)?;
        region.advise(0..region.len(), Advice::HugePages)?;
        Self::over(region, observed, true)
    }

    fn sealed(observed: usize) -> Result<Self, ProbeError> {
        let unsealed = Self::given(Region::memfd("fork-probe", observed)?);
        unsealed.fill();
        let Holder::Region(region) = unsealed.holder else {
            unreachable!("made of a region just now");
        };
        Ok(Self {
            writable: false,
            trespass: Some(0),
            ..Self::given(region.sealed()?)
        })
    }

    /// A region as it is, without an arena, all of it observed.
    pub(crate) fn given(region: Region) -> Self {
        Self {
            observed: 0..region.len(),
            holder: Holder::Region(region),
            writable: true,
            trespass: None,
            recipe: None,
        }
    }

    pub(crate) fn region(&self) -> &Region {
        match &self.holder {
            Holder::Arena(arena) => arena.region(),
            Holder::Region(region) => region,
        }
    }

    pub(crate) fn arena(&self) -> Option<&Arena> {
        match &self.holder {
            Holder::Arena(arena) => Some(arena),
            Holder::Region(_) => None,
        }
    }

    pub(crate) fn pages(&self) -> usize {
        self.observed.len() / page_size()
    }

    /// The address of the first byte observed.
    pub(crate) fn start(&self) -> usize {
        self.region().base().addr().get() + self.observed.start
    }

    /// The addresses observed.
    pub(crate) fn addresses(&self) -> Range<usize> {
        self.start()..self.start() + self.observed.len()
    }

    /// The addresses of the whole region.
    pub(crate) fn whole(&self) -> Range<usize> {
        let base = self.region().base().addr().get();
        base..base + self.region().len()
    }

    /// The first byte of a page observed, or a byte beyond them.
    pub(crate) fn pointer(&self, page: usize) -> *mut u8 {
        let offset = self.observed.start + page * page_size();
        self.region().base().as_ptr().wrapping_add(offset)
    }

    /// The byte that must not be touched.
    pub(crate) fn forbidden(&self) -> Option<*mut u8> {
        let base = self.region().base().as_ptr();
        self.trespass.map(|offset| base.wrapping_add(offset))
    }

    /// Write its pattern into every page; one that cannot be written has it already, and is read, so that
    /// it is in this process's page table.
    pub(crate) fn fill(&self) {
        for page in 0..self.pages() {
            if self.writable {
                // SAFETY: within the region, in a block that only this mapping has.
                unsafe { self.pointer(page).write_volatile(pattern(page)) };
            } else {
                // SAFETY: within the region, which is readable.
                unsafe { self.pointer(page).read_volatile() };
            }
        }
    }
}

/// What the parent writes into a page before the fork; never 0.
pub(crate) fn pattern(page: usize) -> u8 {
    u8::try_from(page % 0x3f).expect("less than 64") + 1
}
