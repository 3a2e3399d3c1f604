//! A number by which an arena, a cache, or a random number generator notices that it is in a child.

use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use arena_core::Region;
use arena_core::region::{Advice, page_size};

use crate::error::ProbeError;

/// The ways to notice a fork; they do not depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Mechanisms {
    /// A page with `MADV_WIPEONFORK`, which a child finds zeroed: however it was made, also by a system
    /// call that the C library knows nothing of. Linux 4.14 and later, unless a sandbox refuses it.
    pub wiped_page: bool,
    /// A handler that the C library's `fork` calls in the child (`pthread_atfork`).
    pub fork_handler: bool,
}

impl Mechanisms {
    /// Both.
    pub const BOTH: Mechanisms = Mechanisms {
        wiped_page: true,
        fork_handler: true,
    };
}

/// A number that is never the same in a process and in a child forked from it.
///
/// What was made in one generation is not to be used in another: handles to it, keys, buffered output.
/// Asking costs two loads. The number tells a child from its ancestors, not from its siblings: two
/// children of one parent may well have the same.
///
/// Of the two mechanisms one is enough, so that a sandbox without `madvise`, or a `clone` past the C
/// library, goes unnoticed only if both come together.
///
/// ```
/// let generation = fork_probe::Generation::new()?;
/// let made_in = generation.current();
/// // … and later, before it is used:
/// assert_eq!(generation.current(), made_in, "made before a fork");
/// # Ok::<(), fork_probe::ProbeError>(())
/// ```
#[derive(Debug)]
pub struct Generation {
    /// Begins with [`MARK`], until a fork wipes it; none where the advice is refused.
    page: Option<Region>,
    /// What the handler had counted when it was last looked at; none if it is not asked.
    forks: Option<AtomicU64>,
    number: AtomicU64,
}

/// What the page begins with in the process that wrote it.
const MARK: u64 = 1;

/// Forks that the handler has seen, in this process and its ancestors.
static FORKS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

impl Generation {
    /// Begin to count, with every mechanism that this machine has.
    ///
    /// # Errors
    ///
    /// It has none.
    pub fn new() -> Result<Self, ProbeError> {
        Self::with(Mechanisms::BOTH)
    }

    /// Begin to count, with some mechanisms.
    ///
    /// # Errors
    ///
    /// None of them is to be had here.
    pub fn with(wanted: Mechanisms) -> Result<Self, ProbeError> {
        let page = wanted.wiped_page.then(marked_page).transpose();
        let forks = wanted.fork_handler && handler_is_registered();
        let page = match page {
            Err(refused) if !forks => return Err(refused),
            page => page.ok().flatten(),
        };
        if page.is_none() && !forks {
            return Err(ProbeError::Unseen {
                why: "forks: neither mechanism is to be had".to_owned(),
            });
        }
        Ok(Self {
            page,
            forks: forks.then(|| AtomicU64::new(FORKS.load(Ordering::Relaxed))),
            number: AtomicU64::new(0),
        })
    }

    /// Return the number of this process's generation.
    ///
    /// Async-signal-safe, and the same from every thread.
    #[must_use]
    pub fn current(&self) -> u64 {
        let wiped = self
            .mark()
            .is_some_and(|mark| mark.swap(MARK, Ordering::Relaxed) != MARK);
        let forked = self.forks.as_ref().is_some_and(|seen| {
            let now = FORKS.load(Ordering::Relaxed);
            seen.swap(now, Ordering::Relaxed) != now
        });
        if wiped || forked {
            self.number.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            self.number.load(Ordering::Relaxed)
        }
    }

    /// Tell which mechanisms are in use.
    #[must_use]
    pub fn mechanisms(&self) -> Mechanisms {
        Mechanisms {
            wiped_page: self.page.is_some(),
            fork_handler: self.forks.is_some(),
        }
    }

    fn mark(&self) -> Option<&AtomicU64> {
        let page = self.page.as_ref()?;
        // SAFETY: the page lives as long as this value, is aligned, and is used as this type alone.
        Some(unsafe { page.base().cast().as_ref() })
    }
}

fn marked_page() -> Result<Region, ProbeError> {
    let page = Region::anonymous(page_size())?;
    page.advise(0..page.len(), Advice::WipeOnFork)?;
    // SAFETY: the first word of a page that nobody else has.
    unsafe { ptr::write(page.base().as_ptr().cast(), MARK) };
    Ok(page)
}

/// Have the C library count forks, once for the process; tell whether it does.
fn handler_is_registered() -> bool {
    static REGISTER: Once = Once::new();
    static REFUSED: AtomicU64 = AtomicU64::new(0);
    REGISTER.call_once(|| {
        // SAFETY: the handler adds to an atomic and does nothing else.
        let refused = unsafe { libc::pthread_atfork(None, None, Some(count_fork)) };
        REFUSED.store(u64::from(refused != 0), Ordering::Relaxed);
    });
    REFUSED.load(Ordering::Relaxed) == 0
}
