//! Handles: numbers that look like pointers, and the table that knows what they stand for.
//!
//! ```text
//!   63      56 55      32 31        0
//!   [  kind   |  index   | generation ]     a handle: never an address
//!
//!   slot: state [generation 32 | … | kind 8 | phase 8]     object [the address, inverted]
//! ```
//!
//! A destroyed handle is found by its generation: that of its slot has gone on. One thread at a time is
//! in an object, for each call takes the slot from idle to busy in one step, and is refused if it is not
//! idle. So no caller, whatever it does from however many threads, reaches an object twice.
//!
//! The address is kept inverted so that leak checkers take nothing here for a reference. An object whose
//! handle is lost is lost to them as well, and so is one that was never destroyed.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::{NonNull, with_exposed_provenance_mut, without_provenance_mut};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::alloc::{Layout, alloc, dealloc};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::failure::{Code, Failure};

#[cfg(test)]
mod tests;

/// A kind of object that C holds handles of.
pub(crate) trait Kind: Send + Sized {
    /// The first byte of its handles: no address that a program can use begins with it.
    const TAG: u8;
    /// What the messages call its handles.
    const NAME: &'static str;
}

/// Tags and names of all kinds, to say which one a wrong handle is of.
const KINDS: [(u8, &str); 2] = [
    (
        crate::arena::ArenaObject::TAG,
        crate::arena::ArenaObject::NAME,
    ),
    (crate::heap::HeapObject::TAG, crate::heap::HeapObject::NAME),
];

/// Why a handle leads to no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandleError {
    Null {
        wanted: &'static str,
    },
    Unknown {
        wanted: &'static str,
        bits: usize,
    },
    Destroyed {
        wanted: &'static str,
    },
    WrongKind {
        wanted: &'static str,
        given: &'static str,
    },
    Busy {
        wanted: &'static str,
    },
}

impl HandleError {
    pub(crate) fn code(self) -> Code {
        match self {
            Self::Null { .. } => Code::Null,
            Self::Unknown { .. } => Code::NoHandle,
            Self::Destroyed { .. } => Code::Destroyed,
            Self::WrongKind { .. } => Code::WrongKind,
            Self::Busy { .. } => Code::Busy,
        }
    }
}

impl fmt::Display for HandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null { wanted } => write!(f, "the handle is NULL, where an {wanted} belongs"),
            Self::Unknown { wanted, bits } => {
                write!(
                    f,
                    "{bits:#x} is no handle: no {wanted} was ever created with it"
                )
            }
            Self::Destroyed { wanted } => write!(f, "the {wanted} of this handle was destroyed"),
            Self::WrongKind { wanted, given } => {
                write!(f, "the handle is of an {given}, where an {wanted} belongs")
            }
            Self::Busy { wanted } => write!(
                f,
                "the {wanted} is in use: another thread is in a call on it, or this is its own callback"
            ),
        }
    }
}

/// What a slot is doing.
mod phase {
    pub(super) const FREE: u64 = 0;
    pub(super) const IDLE: u64 = 1;
    pub(super) const BUSY: u64 = 2;
}

#[derive(Debug)]
struct Slot {
    /// Generation, kind and phase; changes in one step.
    state: AtomicU64,
    /// The inverted address of the object; read and written only by who made the slot busy.
    object: AtomicUsize,
}

fn state(generation: u32, kind: u8, phase: u64) -> u64 {
    u64::from(generation) << 32 | u64::from(kind) << 8 | phase
}

/// Chunk n of the table has `FIRST << n` slots, so that slots never move.
const FIRST: usize = 64;
const INDEX_BITS: u32 = 24;
const CHUNKS: usize = (INDEX_BITS - FIRST.trailing_zeros()) as usize;

static TABLE: [OnceLock<Box<[Slot]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];

/// Which slots can be taken.
#[derive(Debug)]
struct Free {
    slots: Vec<u32>,
    /// All slots below were in use before.
    issued: u32,
}

static FREE: Mutex<Free> = Mutex::new(Free {
    slots: Vec::new(),
    issued: 0,
});

/// The chunk of an index, and the place in it.
fn locate(index: u32) -> (usize, usize) {
    let from_one = index as usize / FIRST + 1;
    let chunk = from_one.ilog2() as usize;
    (chunk, index as usize - FIRST * ((1 << chunk) - 1))
}

fn slot(index: u32) -> Option<&'static Slot> {
    let (chunk, place) = locate(index);
    TABLE.get(chunk)?.get()?.get(place)
}

/// A handle taken apart.
#[derive(Debug, Clone, Copy)]
struct Parts {
    kind: u8,
    index: u32,
    generation: u32,
}

impl Parts {
    fn of(bits: usize) -> Self {
        Self {
            kind: (bits >> 56) as u8,
            index: (bits >> 32) as u32 & ((1 << INDEX_BITS) - 1),
            generation: bits as u32,
        }
    }

    fn bits(self) -> usize {
        usize::from(self.kind) << 56 | (self.index as usize) << 32 | self.generation as usize
    }
}

/// Make an object and a handle to it.
pub(crate) fn create<K: Kind, H>(object: K) -> Result<*mut H, Failure> {
    let place = boxed(object)?;
    match issue(K::TAG, place.as_ptr().expose_provenance()) {
        Ok(parts) => Ok(without_provenance_mut(parts.bits())),
        Err(failure) => {
            // SAFETY: made just now, and nobody else knows it.
            unsafe { unbox(place) };
            Err(failure)
        }
    }
}

fn issue(kind: u8, address: usize) -> Result<Parts, Failure> {
    const WHAT: Failure = Failure::NoMemory("a handle");
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    // Room for the slot to come back to: giving it back cannot fail then.
    let room = free.issued as usize + 1 - free.slots.len();
    free.slots.try_reserve(room).map_err(|_| WHAT)?;
    let index = match free.slots.pop() {
        Some(index) => index,
        None => {
            let index = free.issued;
            grow(index).ok_or(WHAT)?;
            free.issued += 1;
            index
        }
    };
    drop(free);
    let slot = slot(index).ok_or(WHAT)?;
    let generation = (slot.state.load(Ordering::Acquire) >> 32) as u32;
    slot.object.store(!address, Ordering::Relaxed);
    slot.state
        .store(state(generation, kind, phase::IDLE), Ordering::Release);
    Ok(Parts {
        kind,
        index,
        generation,
    })
}

/// Make sure that the slot of an index is there; the caller holds the lock.
fn grow(index: u32) -> Option<()> {
    let (chunk, _) = locate(index);
    let cell = TABLE.get(chunk)?;
    if cell.get().is_none() {
        let len = FIRST << chunk;
        let mut slots = Vec::new();
        slots.try_reserve_exact(len).ok()?;
        slots.extend((0..len).map(|_| Slot {
            state: AtomicU64::new(state(1, 0, phase::FREE)),
            object: AtomicUsize::new(0),
        }));
        cell.set(slots.into_boxed_slice()).ok()?;
    }
    Some(())
}

/// Take the object of a handle for the length of a call.
pub(crate) fn claim<K: Kind, H>(handle: *mut H) -> Result<Claim<K>, HandleError> {
    let wanted = K::NAME;
    if handle.is_null() {
        return Err(HandleError::Null { wanted });
    }
    let bits = handle.addr();
    let parts = Parts::of(bits);
    if parts.kind != K::TAG {
        let other = KINDS.iter().find(|(tag, _)| *tag == parts.kind);
        return Err(match other {
            Some(&(_, given)) => HandleError::WrongKind { wanted, given },
            None => HandleError::Unknown { wanted, bits },
        });
    }
    let slot = slot(parts.index).ok_or(HandleError::Unknown { wanted, bits })?;
    let idle = state(parts.generation, parts.kind, phase::IDLE);
    let busy = state(parts.generation, parts.kind, phase::BUSY);
    let taken = slot
        .state
        .compare_exchange(idle, busy, Ordering::Acquire, Ordering::Relaxed);
    match taken {
        Ok(_) => Ok(Claim {
            slot,
            parts,
            object: PhantomData,
        }),
        Err(found) if found == busy => Err(HandleError::Busy { wanted }),
        // Generations only go up, and 0 is none: what is behind was given to somebody.
        Err(found) if parts.generation != 0 && parts.generation < (found >> 32) as u32 => {
            Err(HandleError::Destroyed { wanted })
        }
        Err(_) => Err(HandleError::Unknown { wanted, bits }),
    }
}

/// An object that nobody else reaches until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim<K: Kind> {
    slot: &'static Slot,
    parts: Parts,
    object: PhantomData<*mut K>,
}

impl<K: Kind> Claim<K> {
    fn place(&self) -> NonNull<K> {
        let address = !self.slot.object.load(Ordering::Relaxed);
        let object = with_exposed_provenance_mut(address);
        // SAFETY: a slot that was idle has an object, and objects are not at address 0.
        unsafe { NonNull::new_unchecked(object) }
    }

    /// The bits of the handle, for what belongs to this object alone.
    pub(crate) fn bits(&self) -> u64 {
        self.parts.bits() as u64
    }

    /// End the object and its handle.
    pub(crate) fn destroy(self) {
        let place = self.place();
        let Parts {
            index, generation, ..
        } = self.parts;
        let slot = self.slot;
        core::mem::forget(self);
        // Ends the slot also when the object's own end panics.
        let _ended = Ended {
            slot,
            index,
            generation,
        };
        // SAFETY: the object is claimed, and this ends it: its slot is not idle again before it has
        // another object.
        unsafe { unbox(place) };
    }
}

struct Ended {
    slot: &'static Slot,
    index: u32,
    generation: u32,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let next = self.generation.saturating_add(1);
        self.slot
            .state
            .store(state(next, 0, phase::FREE), Ordering::Release);
        // A slot that has run out of generations is never used again.
        if next != u32::MAX {
            let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
            free.slots.push(self.index);
        }
    }
}

impl<K: Kind> Drop for Claim<K> {
    fn drop(&mut self) {
        let Parts {
            kind, generation, ..
        } = self.parts;
        self.slot
            .state
            .store(state(generation, kind, phase::IDLE), Ordering::Release);
    }
}

impl<K: Kind> Deref for Claim<K> {
    type Target = K;

    fn deref(&self) -> &K {
        // SAFETY: claimed: nobody else has a reference.
        unsafe { self.place().as_ref() }
    }
}

impl<K: Kind> DerefMut for Claim<K> {
    fn deref_mut(&mut self) -> &mut K {
        // SAFETY: claimed, and `self` is borrowed exclusively.
        unsafe { self.place().as_mut() }
    }
}

/// Put an object on the heap, or drop it.
fn boxed<K>(object: K) -> Result<NonNull<K>, Failure> {
    let layout = Layout::new::<K>();
    assert!(layout.size() != 0, "objects have a size");
    // SAFETY: the size is not 0.
    let place = NonNull::new(unsafe { alloc(layout) });
    let place = place.ok_or(Failure::NoMemory("an object"))?.cast::<K>();
    // SAFETY: fresh memory of the object's layout.
    unsafe { place.write(object) };
    Ok(place)
}

/// Drop what [`boxed`] made, and free its memory.
///
/// # Safety
///
/// It came from `boxed`, and nobody uses it any more.
unsafe fn unbox<K>(place: NonNull<K>) {
    struct Freed<K>(NonNull<K>);
    impl<K> Drop for Freed<K> {
        fn drop(&mut self) {
            // SAFETY: allocated in `boxed` with this layout; the object in it is gone.
            unsafe { dealloc(self.0.as_ptr().cast(), Layout::new::<K>()) }
        }
    }
    let freed = Freed(place);
    // SAFETY: by the caller's promise there is an object, and this is its end.
    unsafe { freed.0.drop_in_place() };
}
