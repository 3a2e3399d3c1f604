//! Red zones and poison: the bytes around and in blocks that nobody has a reason to touch.
//!
//! ```text
//!   ├ front: 8 bytes mark, canaries ┤ payload ┤ rear: canaries ┤
//!     16 bytes, or the alignment                16 bytes, and up to the next multiple of 8
//! ```
//!
//! The mark is the block's row in the ledger, scrambled: free finds the record by it, and believes
//! it only if the record agrees. It is what an underflow of nine bytes and more overwrites.

use std::alloc::Layout;
use std::ops::Range;
use std::ptr::NonNull;

use crate::fault::Violation;
use crate::record::Record;

mod wide;

/// The byte of a red zone. Odd and high, so that it is neither text, nor zero, nor a small number.
pub(crate) const CANARY: u8 = 0xfd;

/// What a freed payload is filled with: a pointer made of it is not canonical, an index too large.
pub(crate) const POISON_FREED: u8 = 0xdd;

/// Bytes of a red zone on each side, at least.
pub(crate) const RED_ZONE_LEN: usize = 16;

/// Bytes of the front zone that hold the mark.
pub(crate) const MARK_LEN: usize = 8;

/// Bytes of the largest payload: more than a process has addresses, and no more than a row can say.
const LARGEST: usize = (1 << 47) - 1;

/// What is mixed into a mark, so that a row's number does not look like a program's own number.
const MARK_KEY: u64 = 0xa5c3_9d71_e84b_2f06;

const CANARIES: u64 = u64::from_ne_bytes([CANARY; 8]);
const POISON: u64 = u64::from_ne_bytes([POISON_FREED; 8]);

/// The side of a payload that a red zone is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Front,
    Rear,
}

/// The sizes of a block with its red zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Bytes before the payload.
    pub(crate) front: usize,
    /// Bytes of payload.
    pub(crate) size: usize,
    /// Bytes behind the payload.
    pub(crate) rear: usize,
}

impl Shape {
    /// The shape of a block for this layout; `None` if it exceeds what a layout or a row can say.
    #[inline(always)]
    pub(crate) fn of(layout: Layout) -> Option<(Self, Layout)> {
        let shape = Self::unchecked(layout.size(), layout.align());
        if layout.size() > LARGEST {
            return None;
        }
        let align = layout.align().max(MARK_LEN);
        Some((shape, Layout::from_size_align(shape.total(), align).ok()?))
    }

    /// The shape of a block that has been handed out.
    #[inline(always)]
    pub(crate) fn unchecked(size: usize, align: usize) -> Self {
        Self {
            front: align.max(RED_ZONE_LEN),
            size,
            rear: RED_ZONE_LEN + (size.wrapping_neg() & (MARK_LEN - 1)),
        }
    }

    #[inline(always)]
    pub(crate) fn total(self) -> usize {
        self.front + self.size + self.rear
    }
}

/// The shape of a recorded block.
#[inline(always)]
pub(crate) fn shape(record: &Record) -> Shape {
    Shape::unchecked(record.size, record.align())
}

/// The first byte of a recorded block, red zone included.
#[inline(always)]
pub(crate) fn block(record: &Record) -> NonNull<u8> {
    // SAFETY: the front zone lies before the payload, within the block.
    unsafe { record.payload.sub(shape(record).front) }
}

/// The addresses of a recorded block, red zones included.
pub(crate) fn extent(record: &Record) -> Range<usize> {
    let start = block(record).addr().get();
    start..start + shape(record).total()
}

/// Write both red zones, the mark among them.
///
/// # Safety
///
/// The whole block around `payload`, of this shape, is the caller's.
#[inline(always)]
pub(crate) unsafe fn write(payload: NonNull<u8>, shape: Shape, row: u64) {
    // SAFETY: the front zone lies before the payload, within the block.
    let front = unsafe { payload.sub(shape.front) };
    if shape.front > RED_ZONE_LEN {
        // SAFETY: within the front zone.
        unsafe { front.write_bytes(CANARY, shape.front) };
    }
    // SAFETY: the front zone is at least 16 bytes.
    let mark = unsafe { payload.sub(RED_ZONE_LEN) };
    // SAFETY: within the front zone.
    unsafe { mark.cast::<u64>().write_unaligned(row ^ MARK_KEY) };
    // SAFETY: the second half of the last 16 bytes of the front zone.
    let canary = unsafe { payload.sub(MARK_LEN) };
    // SAFETY: as above.
    unsafe { canary.cast::<u64>().write_unaligned(CANARIES) };
    // SAFETY: the rear zone begins there.
    let rear = unsafe { payload.add(shape.size) };
    // SAFETY: the rear zone has at least 16 bytes.
    unsafe { rear.cast::<[u64; 2]>().write_unaligned([CANARIES; 2]) };
    if shape.rear != RED_ZONE_LEN {
        // SAFETY: the last 16 bytes of the rear zone; they may overlap the first.
        let last = unsafe { rear.add(shape.rear - RED_ZONE_LEN) };
        // SAFETY: as above.
        unsafe { last.cast::<[u64; 2]>().write_unaligned([CANARIES; 2]) };
    }
}

/// Read the row that the mark names. It may be anything if the mark was overwritten.
///
/// # Safety
///
/// The 16 bytes before `payload` are mapped and can be read. They need not be initialised, nor be
/// nobody else's: whoever frees a wrong pointer leads us anywhere.
#[inline(always)]
pub(crate) unsafe fn row(payload: NonNull<u8>) -> u64 {
    // SAFETY: the caller's promise.
    let mark = unsafe { payload.sub(RED_ZONE_LEN) };
    // SAFETY: the caller's promise.
    unsafe { load(mark.as_ptr().cast()) ^ MARK_KEY }
}

/// Load a word by the processor's own instruction, which knows no uninitialised bytes.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn load(from: *const u64) -> u64 {
    let word;
    // SAFETY: one load from memory that can be read.
    unsafe {
        std::arch::asm!("mov {}, qword ptr [{}]", out(reg) word, in(reg) from,
            options(nostack, readonly, preserves_flags));
    }
    word
}

/// Load a word by the processor's own instruction, which knows no uninitialised bytes.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(always)]
unsafe fn load(from: *const u64) -> u64 {
    let word;
    // SAFETY: one load from memory that can be read.
    unsafe {
        std::arch::asm!("ldr {}, [{}]", out(reg) word, in(reg) from,
            options(nostack, readonly, preserves_flags));
    }
    word
}

/// Load a word.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[inline(always)]
unsafe fn load(from: *const u64) -> u64 {
    // SAFETY: the caller's promise; where there is no instruction of ours, the bytes have to have
    // values.
    unsafe { from.read_unaligned() }
}

/// Tell whether both red zones are as they were written.
///
/// # Safety
///
/// A block of this shape, whose zones were written, is around `payload`.
#[inline(always)]
pub(crate) unsafe fn intact(payload: NonNull<u8>, shape: Shape, row: u64) -> bool {
    // SAFETY: within the front zone.
    let front = unsafe { payload.sub(RED_ZONE_LEN) };
    // SAFETY: 16 bytes of the front zone.
    let [mark, canary] = unsafe { front.cast::<[u64; 2]>().read_unaligned() };
    // SAFETY: the rear zone begins there.
    let rear = unsafe { payload.add(shape.size) };
    // SAFETY: 16 bytes of the rear zone.
    let [first, second] = unsafe { rear.cast::<[u64; 2]>().read_unaligned() };
    // SAFETY: the last 16 bytes of the rear zone.
    let last = unsafe { rear.add(shape.rear - RED_ZONE_LEN) };
    // SAFETY: as above.
    let [third, fourth] = unsafe { last.cast::<[u64; 2]>().read_unaligned() };
    let zones = (mark ^ row ^ MARK_KEY)
        | (canary ^ CANARIES)
        | (first ^ CANARIES)
        | (second ^ CANARIES)
        | (third ^ CANARIES)
        | (fourth ^ CANARIES);
    zones == 0
        && (shape.front == RED_ZONE_LEN || {
            // SAFETY: the front zone begins there.
            let begin = unsafe { payload.sub(shape.front) };
            // SAFETY: the part of it that has no mark.
            unsafe { first_wrong(begin, shape.front - RED_ZONE_LEN, CANARY) }.is_none()
        })
}

/// Tell whether the canaries on both sides are as they were written; the mark is what found the block.
///
/// # Safety
///
/// As [`intact`].
#[inline(always)]
pub(crate) unsafe fn canaries_are_whole(payload: NonNull<u8>, shape: Shape) -> bool {
    // SAFETY: the front zone ends with 8 bytes of canaries, the rear zone begins with 16, and ends
    // with 16 that may be the same.
    let word = |offset: isize| {
        // SAFETY: as above.
        let at = unsafe { payload.offset(offset) };
        // SAFETY: as above.
        unsafe { at.cast::<u64>().read_unaligned() }
    };
    let rear = shape.size.cast_signed();
    let last = rear + (shape.rear - RED_ZONE_LEN).cast_signed();
    word(-MARK_LEN.cast_signed()) == CANARIES
        && word(rear) == CANARIES
        && word(rear + 8) == CANARIES
        && (shape.rear == RED_ZONE_LEN || word(last + 8) == CANARIES)
        && (shape.front == RED_ZONE_LEN || {
            // SAFETY: the front zone begins there.
            let begin = unsafe { payload.sub(shape.front) };
            // SAFETY: the part of it that has no mark.
            unsafe { first_wrong(begin, shape.front - RED_ZONE_LEN, CANARY) }.is_none()
        })
}

/// What was found in place of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrong {
    /// Where the first wrong byte is: bytes behind the payload in an overflow (0 is the first), bytes
    /// from its start otherwise (negative in an underflow).
    pub first: isize,
    /// How many bytes are wrong.
    pub count: usize,
    /// What the first byte should be.
    pub expected: u8,
    /// The bytes from the first wrong one on, as many as `len` says.
    pub bytes: [u8; 16],
    /// How many of `bytes` there are.
    pub len: usize,
}

impl Wrong {
    /// Return the bytes found, from the first wrong one on; at most 16.
    pub fn found(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Compare `len` bytes with what each should be.
///
/// # Safety
///
/// The bytes can be read and are initialised.
pub(crate) unsafe fn compare(
    from: NonNull<u8>,
    len: usize,
    expected: impl Fn(usize) -> u8,
) -> Option<Wrong> {
    // SAFETY: the caller's promise.
    let byte = |at: usize| unsafe { read(from, at) };
    let wrong = |at: &usize| byte(*at) != expected(*at);
    let first = (0..len).find(wrong)?;
    let last = (0..len).rfind(wrong).unwrap_or(first);
    let mut bytes = [0; 16];
    let shown = (last + 1 - first).min(bytes.len());
    for (index, to) in bytes[..shown].iter_mut().enumerate() {
        *to = byte(first + index);
    }
    Some(Wrong {
        first: first as isize,
        count: (first..=last).filter(wrong).count(),
        expected: expected(first),
        bytes,
        len: shown,
    })
}

/// Compare one red zone with what was written there.
///
/// # Safety
///
/// As [`intact`].
unsafe fn damage(payload: NonNull<u8>, shape: Shape, row: u64, side: Side) -> Option<Wrong> {
    match side {
        Side::Front => {
            let mark = (row ^ MARK_KEY).to_ne_bytes();
            let canaries = shape.front - RED_ZONE_LEN;
            let expected = |at: usize| match at.checked_sub(canaries) {
                Some(at) if at < MARK_LEN => mark[at],
                _ => CANARY,
            };
            // SAFETY: the front zone lies before the payload.
            let from = unsafe { payload.sub(shape.front) };
            // SAFETY: it was written.
            let wrong = unsafe { compare(from, shape.front, expected) }?;
            Some(Wrong {
                first: wrong.first - shape.front as isize,
                ..wrong
            })
        }
        Side::Rear => {
            // SAFETY: the rear zone lies behind the payload.
            let from = unsafe { payload.add(shape.size) };
            // SAFETY: it was written.
            unsafe { compare(from, shape.rear, |_| CANARY) }
        }
    }
}

/// Say what was written into the red zones of a block, and write them anew: told once is enough.
///
/// # Safety
///
/// As [`intact`]; the zones are the caller's to write.
#[cold]
pub(crate) unsafe fn mend(
    payload: NonNull<u8>,
    shape: Shape,
    row: u64,
) -> impl Iterator<Item = Violation> {
    // SAFETY: passed on.
    let front = unsafe { damage(payload, shape, row, Side::Front) };
    // SAFETY: passed on.
    let rear = unsafe { damage(payload, shape, row, Side::Rear) };
    // SAFETY: passed on.
    unsafe { write(payload, shape, row) };
    front
        .map(Violation::Underflow)
        .into_iter()
        .chain(rear.map(Violation::Overflow))
}

/// Fill bytes with poison.
///
/// # Safety
///
/// The bytes are the caller's to write.
#[inline(always)]
pub(crate) unsafe fn poison(from: NonNull<u8>, len: usize) {
    // SAFETY: the caller's promise.
    unsafe { from.write_bytes(POISON_FREED, len) };
}

/// Tell whether `len` bytes are all poison.
///
/// # Safety
///
/// The bytes can be read and are initialised.
#[inline(always)]
pub(crate) unsafe fn is_poison(from: NonNull<u8>, len: usize) -> bool {
    let wide = len / 16 * 16;
    // SAFETY: within `len`, or one past it.
    let rest = unsafe { from.add(wide) };
    // SAFETY: the caller's bytes.
    let begins = unsafe { wide::are_all(from, wide, POISON_FREED) };
    // A block is a multiple of 8 bytes, so there is mostly nothing left, or half as many.
    let half = len % 16 / 8 * 8;
    // SAFETY: if so, there are 8 bytes.
    let ends = half == 0 || unsafe { rest.cast::<u64>().read_unaligned() } == POISON;
    // SAFETY: within `len`, or one past it.
    let rest = unsafe { rest.add(half) };
    // SAFETY: what is left of them.
    begins && ends && unsafe { first_wrong(rest, len % 8, POISON_FREED) }.is_none()
}

/// Find the first of `len` bytes that is another one.
unsafe fn first_wrong(from: NonNull<u8>, len: usize, expected: u8) -> Option<usize> {
    // SAFETY: the caller's bytes, which can be read and are initialised.
    (0..len).find(|&at| unsafe { read(from, at) } != expected)
}

/// Read one byte; volatile, for a thread that overflows may still be at it.
///
/// # Safety
///
/// The byte can be read and is initialised.
#[inline(always)]
unsafe fn read(from: NonNull<u8>, at: usize) -> u8 {
    // SAFETY: the caller's promise.
    let byte = unsafe { from.add(at) };
    // SAFETY: the caller's promise.
    unsafe { byte.read_volatile() }
}

#[cfg(test)]
mod tests;
