//! What one can ask of a region's memory, and how it was done.

/// What the processor lets a program do with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: any touch is a fault.
    None,
    /// Reading only.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

/// Advice on a range, as `madvise(2)` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Back the range with huge pages where they fit (`MADV_HUGEPAGE`).
    HugePages,
    /// Do not (`MADV_NOHUGEPAGE`).
    NoHugePages,
    /// Gather what is there into huge pages now (`MADV_COLLAPSE`).
    Collapse,
    /// Let a forked child find nothing mapped here (`MADV_DONTFORK`).
    DontFork,
    /// Undo [`Advice::DontFork`] (`MADV_DOFORK`).
    DoFork,
    /// Let a forked child find zeroes here (`MADV_WIPEONFORK`); private anonymous memory only.
    WipeOnFork,
    /// Undo [`Advice::WipeOnFork`] (`MADV_KEEPONFORK`).
    KeepOnFork,
}

/// How [`Region::guard`](super::Region::guard) made a range fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardKind {
    /// Guard markers in the page table (Linux 6.13 and later): no extra mapping.
    Marker,
    /// `mprotect`: works everywhere, costs up to two mappings.
    Protection,
}
