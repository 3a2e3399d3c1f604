//! Heaps that own their memory: an arena-core region.

use core::fmt;
use core::ops::Deref;

use arena_core::{Region, RegionError};

use crate::error::OpenError;
use crate::heap::TagHeap;
use crate::options::Options;

/// A tagged heap that owns a region: anonymous memory, a memfd, or a file.
///
/// In a file or a memfd the heap stays when it is dropped, and can be opened again, at any address, by
/// this process or another; its handles are good again. One at a time: who has the heap open is its only
/// writer, by contract.
///
/// ```
/// use arena_core::Region;
/// use tagheap::{Options, RegionHeap, Tag};
///
/// let region = Region::memfd("heap", 1 << 20)?;
/// let heap = RegionHeap::create(region, &Options::new())?;
/// let kept = heap.alloc(10, Tag::head(1)?)?;
/// heap.with_mut(kept, |bytes| bytes.copy_from_slice(b"still here"))?;
///
/// let region = heap.into_region();                  // close it
/// let heap = RegionHeap::open(region)?;             // and open it again
/// heap.with(kept, |bytes| assert_eq!(bytes, b"still here"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RegionHeap {
    /// Over the whole region. Nobody else gets it but by reference, so it ends with the region.
    heap: TagHeap<'static>,
    region: Region,
}

/// Why a region cannot become a heap, or is none.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegionHeapError {
    /// The system refused to make the region usable.
    Region(RegionError),
    /// The memory is none for a heap.
    Heap(OpenError),
}

impl fmt::Display for RegionHeapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(error) => error.fmt(f),
            Self::Heap(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RegionHeapError {}

impl From<OpenError> for RegionHeapError {
    fn from(error: OpenError) -> Self {
        Self::Heap(error)
    }
}

impl RegionHeap {
    /// Make a heap that fills a region, and commit what was only reserved.
    ///
    /// # Errors
    ///
    /// The region cannot be committed; or as [`TagHeap::create`].
    pub fn create(region: Region, options: &Options) -> Result<Self, RegionHeapError> {
        Self::over(region, |memory| TagHeap::create(memory, options))
    }

    /// Open the heap that is in a region already.
    ///
    /// # Errors
    ///
    /// As [`TagHeap::open`].
    pub fn open(region: Region) -> Result<Self, RegionHeapError> {
        Self::over(region, TagHeap::open)
    }

    fn over(
        region: Region,
        make: impl FnOnce(&'static mut [u8]) -> Result<TagHeap<'static>, OpenError>,
    ) -> Result<Self, RegionHeapError> {
        region
            .commit(0..region.len())
            .map_err(RegionHeapError::Region)?;
        let first = region.base().as_ptr();
        // SAFETY: the region is ours alone, readable and writable now; mapped memory always has values.
        // The slice lives in the heap only, and the heap no longer than the region beside it.
        let memory = unsafe { core::slice::from_raw_parts_mut(first, region.len()) };
        let heap = make(memory)?;
        Ok(Self { heap, region })
    }

    /// Return the region, to be advised or asked about residency.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Close the heap, and return its region with everything in it.
    #[must_use]
    pub fn into_region(self) -> Region {
        self.region
    }
}

impl Deref for RegionHeap {
    type Target = TagHeap<'static>;

    fn deref(&self) -> &TagHeap<'static> {
        &self.heap
    }
}
